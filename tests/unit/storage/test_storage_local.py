"""Local files: listed, written atomically, and errors with remedies."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.errors import ConfigurationError, OutputNotWritable, StoreUnavailable
from pipeline.storage import local
from pipeline.storage.errors import reading

NAMES = [
    "plain.png",
    "two words.png",
    "Käthe Müller.png",
    'it\'s "quoted".png',
    "<b>bold</b> & more.png",
    "line\nbreak.png",
    "50% off #1?.png",
    "%41%2F.png",
    "back\\slash.png",
    "日本語.png",
    "x" * 251 + ".png",
]


def kinds(root: Path) -> dict[str, str]:
    return {entry.path: entry.kind for entry in storage.list_files(str(root))}


def names(folder: Path) -> list[str]:
    """Return all names in a folder, including hidden ones."""
    return sorted(path.name for path in folder.iterdir())


def test_any_name_is_written_listed_read_and_deleted(tmp_path: Path) -> None:
    for name in NAMES:
        storage.write_bytes(storage.join(str(tmp_path), "in", name), name.encode())
    entries = list(storage.list_files(str(tmp_path / "in")))
    assert sorted(e.path for e in entries) == sorted(NAMES)
    for entry in entries:
        assert storage.read_bytes(entry.uri) == entry.path.encode()
        assert entry.size == len(entry.path.encode())
        storage.delete(entry.uri)
        storage.delete(entry.uri)
    assert not kinds(tmp_path / "in")


def test_a_name_that_is_not_valid_text_is_listed_as_text_and_opens(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"pixels")
    (entry,) = storage.list_files(str(tmp_path))
    assert entry.path == "caf%E9.png"
    entry.uri.encode()
    assert storage.read_bytes(entry.uri) == b"pixels"
    assert storage.exists(entry.uri)
    storage.write_bytes(storage.join(str(tmp_path), "out", entry.path), b"x")


def test_entries_are_in_the_order_of_full_paths_as_in_a_bucket(tmp_path: Path) -> None:
    wanted = ["a.png", "a/z.png", "a-b/c.png", "b/a.png", "B.png", "ä.png", "a/b/c.png"]
    for name in wanted:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(kinds(tmp_path)) == sorted(wanted, key=str.encode)


def test_hidden_names_are_skipped(tmp_path: Path) -> None:
    for name in (".work/1/a.png", "a/.thumbs/b.png", ".DS_Store", "._a.png", "a/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert kinds(tmp_path) == {"a/b.png": "file"}


def test_links_are_classified_by_their_target(tmp_path: Path) -> None:
    inbox, outside = tmp_path / "inbox", tmp_path / "inbox-2"
    (inbox / "sub").mkdir(parents=True)
    outside.mkdir()
    (inbox / "sub/real.png").write_bytes(b"12345")
    (outside / "secret.png").touch()
    (inbox / "inside.png").symlink_to("sub/real.png")
    (inbox / "absolute.png").symlink_to(inbox / "sub" / "real.png")
    (inbox / "outward.png").symlink_to("../inbox-2/secret.png")
    (inbox / "outward-folder").symlink_to(outside)
    (inbox / "parent").symlink_to("..")
    (inbox / "dangling.png").symlink_to("nowhere.png")
    (inbox / "through.png").symlink_to("sub/real.png/x")
    (inbox / "self.png").symlink_to("self.png")
    (inbox / "loop").symlink_to(".")
    (inbox / "sub/up").symlink_to("../sub")
    (inbox / "folder.png").symlink_to("sub")
    assert kinds(inbox) == {
        "absolute.png": "file",
        "dangling.png": "link-dangling",
        "folder.png": "directory",
        "inside.png": "file",
        "outward-folder": "link-outward",
        "outward.png": "link-outward",
        "parent": "link-outward",
        "self.png": "link-dangling",
        "sub/real.png": "file",
        "through.png": "link-dangling",
    }
    entries = {e.path: e for e in storage.list_files(str(inbox))}
    assert entries["inside.png"].size == 5
    assert entries["inside.png"].etag == entries["sub/real.png"].etag


def test_a_root_that_is_a_link_is_its_target_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.png").touch()
    (tmp_path / "real/b.png").symlink_to(tmp_path / "real" / "a.png")
    (tmp_path / "inbox").symlink_to("real")
    assert kinds(tmp_path / "inbox") == {"a.png": "file", "b.png": "file"}


def test_entries_that_are_not_files_have_their_kind(tmp_path: Path) -> None:
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "folder.tif/a.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    assert kinds(tmp_path) == {"folder.tif": "directory", "folder.tif/a.png": "file", "pipe.png": "special"}


def test_a_root_that_is_a_file_lists_only_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"123")
    (entry,) = storage.list_files(str(tmp_path / "a.png"))
    assert (entry.path, entry.kind, entry.size) == ("a.png", "file", 3)


def test_a_missing_root_raises_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(storage.list_files(str(tmp_path / "none")))


def test_the_etag_changes_with_the_content(tmp_path: Path) -> None:
    uri = str(tmp_path / "a.png")
    storage.write_bytes(uri, b"1")
    (before,) = storage.list_files(str(tmp_path))
    storage.write_bytes(uri, b"2")
    (after,) = storage.list_files(str(tmp_path))
    assert before.etag != after.etag


def test_sha256_and_copy_and_write_file(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "a").write_bytes(content)
    assert storage.sha256(str(tmp_path / "a")) == hashlib.sha256(content).hexdigest()
    storage.copy(str(tmp_path / "a"), f"file://{tmp_path}/deep/down/b")
    storage.write_file(str(tmp_path / "c"), tmp_path / "a")
    assert (tmp_path / "deep/down/b").read_bytes() == (tmp_path / "c").read_bytes() == content


def test_files_get_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    storage.write_bytes(str(tmp_path / "a"), b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_writing_to_a_link_replaces_the_link_and_keeps_its_target(tmp_path: Path) -> None:
    (tmp_path / "master.png").write_bytes(b"master")
    (tmp_path / "out.png").symlink_to("master.png")
    storage.write_bytes(str(tmp_path / "out.png"), b"result")
    assert (tmp_path / "master.png").read_bytes() == b"master"
    assert (tmp_path / "out.png").read_bytes() == b"result"


def test_an_error_while_writing_keeps_the_earlier_file(tmp_path: Path) -> None:
    storage.write_bytes(str(tmp_path / "a"), b"before")
    with pytest.raises(RuntimeError), local.open_write(str(tmp_path / "a")) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert (tmp_path / "a").read_bytes() == b"before"
    assert names(tmp_path) == ["a"]


def test_a_killed_writer_leaves_no_partial_file_and_its_temporary_file_is_swept(tmp_path: Path) -> None:
    storage.write_bytes(str(tmp_path / "out/a"), b"before")
    script = f"""
        from pipeline.storage import local
        with local.open_write({str(tmp_path / "out/a")!r}) as stream:
            stream.write(bytes(1 << 20)); stream.flush()
            print("writing", flush=True)
            input()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.send_signal(signal.SIGKILL)
    assert (tmp_path / "out/a").read_bytes() == b"before"
    assert kinds(tmp_path / "out") == {"a": "file"}
    assert len(names(tmp_path / "out")) == 2
    assert storage.sweep(str(tmp_path)) == 0
    assert storage.sweep(str(tmp_path), older_than=0) == 1
    assert names(tmp_path / "out") == ["a"]


def test_readers_see_one_complete_version_while_writers_race(tmp_path: Path) -> None:
    uri = str(tmp_path / "a")
    versions = [bytes([n]) * 300_000 for n in range(4)]
    storage.write_bytes(uri, versions[0])
    stop = time.monotonic() + 1.0

    def write(content: bytes) -> None:
        while time.monotonic() < stop:
            storage.write_bytes(uri, content)

    threads = [threading.Thread(target=write, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    seen = 0
    while time.monotonic() < stop:
        assert storage.read_bytes(uri) in versions
        seen += 1
    for thread in threads:
        thread.join()
    assert seen
    assert names(tmp_path) == ["a"]


def test_exists(tmp_path: Path) -> None:
    storage.write_bytes(str(tmp_path / "a"), b"")
    assert storage.exists(str(tmp_path / "a"))
    assert storage.exists(str(tmp_path))
    assert not storage.exists(str(tmp_path / "b"))
    assert not storage.exists(str(tmp_path / "a/b"))


def test_stat_is_the_entry_of_a_listing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    for listed in storage.list_files(str(tmp_path)):
        assert storage.stat(listed.uri) == listed
    for none in ("b.png", "", "a.png/b"):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            storage.stat(str(tmp_path / none))


def test_delete_tree_keeps_the_targets_of_links(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/a").touch()
    storage.write_bytes(str(tmp_path / "tree/b/c"), b"")
    (tmp_path / "tree/link").symlink_to(tmp_path / "keep")
    storage.delete_tree(str(tmp_path / "tree"))
    storage.delete_tree(str(tmp_path / "tree"))
    assert names(tmp_path) == ["keep"]
    assert (tmp_path / "keep/a").exists()


def test_delete_tree_refuses_the_root() -> None:
    with pytest.raises(ValueError, match="root of the file system"):
        storage.delete_tree("/")


def test_check_writable_creates_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    storage.check_writable(str(tmp_path / "new/out"))
    assert names(tmp_path / "new/out") == []


def test_a_process_killed_while_it_checks_a_folder_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
        import os, signal
        from pipeline.storage import local
        os.fsync = lambda _descriptor: os.kill(os.getpid(), signal.SIGKILL)
        local.check_writable({str(tmp_path)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == []


def test_a_file_where_a_folder_is_needed_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    for act in (storage.check_writable, lambda uri: storage.write_bytes(uri + "/a.png", b"")):
        with pytest.raises(OutputNotWritable, match="there is a file where a folder is needed; move it away"):
            act(str(tmp_path / "out"))


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that this process may use, with the permissions of a user who is not root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            for path in folder.rglob("*"):
                path.chmod(0o777)


def test_missing_permissions_are_named_with_the_remedy(as_nobody: Path) -> None:
    (as_nobody / "out").mkdir(mode=0o500)
    with pytest.raises(OutputNotWritable, match="give this user permission to write there"):
        storage.check_writable(str(as_nobody / "out"))
    with pytest.raises(OutputNotWritable):
        storage.write_bytes(str(as_nobody / "out/a.png"), b"")


def test_an_unreadable_folder_does_not_affect_the_others(as_nobody: Path) -> None:
    (as_nobody / "closed").mkdir(mode=0o000)
    (as_nobody / "a.png").touch()
    assert kinds(as_nobody) == {"a.png": "file", "closed": "unreadable"}
    with pytest.raises(ConfigurationError, match="cannot be listed; give this user permission"):
        list(storage.list_files(str(as_nobody / "closed")))


def test_a_full_disk_is_named_with_the_remedy(tmp_path: Path) -> None:
    script = f"""
        import os
        from pipeline import storage
        from pipeline.errors import OutputNotWritable
        try:
            storage.write_bytes({str(tmp_path / "a.png")!r}, bytes(1 << 20))
        except OutputNotWritable as error:
            print(error)
        print(os.listdir({str(tmp_path)!r}))
    """
    mount = f'mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c "$0"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("needs the right to mount a tmpfs in a namespace")
    assert "the disk is full; free some space, then run again" in done.stdout
    assert "[]" in done.stdout


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN])
def test_an_unreachable_store_is_distinguished_from_a_missing_file(number: int) -> None:
    with pytest.raises(StoreUnavailable), reading("/mnt/nfs"):
        raise OSError(number, os.strerror(number))
    with pytest.raises(FileNotFoundError), reading("/mnt/nfs"):
        raise FileNotFoundError(errno.ENOENT, "no")


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "box/a"
    with storage.open_new(str(path)) as stream:
        stream.write(b"first")
        assert not path.exists()
    for links in (True, False):
        if not links:

            def refused(*_: object) -> None:
                raise PermissionError(errno.EPERM, "no links here")

            monkeypatch.setattr(Path, "hardlink_to", refused)
            with storage.open_new(f"{path}2") as stream:
                stream.write(b"new")
        with pytest.raises(FileExistsError), storage.open_new(str(path)) as stream:
            stream.write(b"second")
    with pytest.raises(RuntimeError), storage.open_new(f"{path}3") as stream:
        stream.write(b"half")
        raise RuntimeError
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == {"a": b"first", "a2": b"new"}
