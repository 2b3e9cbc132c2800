"""Buckets of a real S3 server: listed, written atomically, and errors with remedies."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from pipeline import storage
from pipeline.errors import ConfigurationError, InArchiveTier, OutputNotWritable, StoreUnavailable
from pipeline.storage import s3

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.unit.storage.conftest import Faults

NAMES = [
    "plain.png",
    "two words.png",
    "Käthe Müller.png",
    'it\'s "quoted".png',
    "<b>bold</b> & more.png",
    "50% off #1?.png",
    "%41%2F.png",
    "a+b=c;d@e:f.png",
    "back\\slash.png",
    "tab\there.png",
    "日本語.png",
    "deep/er/still.png",
]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "SINGLE", 6 << 20)
    monkeypatch.setattr(s3, "PART", 5 << 20)


def uploads(bucket: str) -> int:
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    return len(client.list_multipart_uploads(Bucket=bucket.removeprefix("s3://")).get("Uploads", []))


def test_any_key_is_written_listed_read_and_deleted(bucket: str) -> None:
    root = f"{bucket}/in box"
    for name in NAMES:
        storage.write_bytes(storage.join(root, name), name.encode())
    entries = list(storage.list_files(root))
    assert [e.path for e in entries] == sorted(NAMES, key=str.encode)
    for entry in entries:
        assert entry.uri == f"{root}/{entry.path}"
        assert storage.read_bytes(entry.uri) == entry.path.encode()
        assert storage.sha256(entry.uri) == hashlib.sha256(entry.path.encode()).hexdigest()
        assert storage.exists(entry.uri)
        storage.copy(entry.uri, storage.join(f"{bucket}/copies", entry.path))
        storage.delete(entry.uri)
        storage.delete(entry.uri)
    assert not list(storage.list_files(root))
    assert len(list(storage.list_files(f"{bucket}/copies"))) == len(NAMES)
    storage.delete_tree(f"{bucket}/copies")
    assert not list(storage.list_files(bucket))


def test_a_prefix_ends_at_a_slash(bucket: str) -> None:
    for key in ("in/a.png", "in-2/b.png", "in.png"):
        storage.write_bytes(f"{bucket}/{key}", b"")
    assert [e.path for e in storage.list_files(f"{bucket}/in")] == ["a.png"]
    storage.delete_tree(f"{bucket}/in")
    assert [e.path for e in storage.list_files(bucket)] == ["in-2/b.png", "in.png"]


def test_hidden_names_and_folder_markers_are_skipped(bucket: str) -> None:
    for key in ("a.png", ".work/1/b.png", "sub/.c/d.png", "sub/", "marker.tif/", "box", "box/deep"):
        storage.write_bytes(f"{bucket}/in/{key}", b"")
    found = [(e.path, e.kind) for e in storage.list_files(f"{bucket}/in/")]
    assert found == [("a.png", "file"), ("marker.tif", "directory")]


def test_a_root_that_is_a_key_lists_only_that_object(bucket: str) -> None:
    storage.write_bytes(f"{bucket}/in/a.png", b"123")
    (entry,) = storage.list_files(f"{bucket}/in/a.png")
    assert (entry.path, entry.size, entry.uri) == ("a.png", 3, f"{bucket}/in/a.png")


def test_listing_and_deleting_use_pages(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 3)
    for number in range(10):
        storage.write_bytes(f"{bucket}/in/{number:04}.png", b"")
    assert sum(1 for _ in storage.list_files(f"{bucket}/in")) == 10
    storage.delete_tree(f"{bucket}/in")
    assert not list(storage.list_files(f"{bucket}/in"))


def test_large_objects_are_sent_in_parts_and_nothing_is_left(bucket: str, tmp_path: Path) -> None:
    content = os.urandom(s3.SINGLE + 12345)
    storage.write_bytes(f"{bucket}/big", content)
    assert storage.sha256(f"{bucket}/big") == hashlib.sha256(content).hexdigest()
    storage.copy(f"{bucket}/big", str(tmp_path / "big"))
    assert (tmp_path / "big").read_bytes() == content
    storage.write_file(f"{bucket}/again", tmp_path / "big")
    assert storage.sha256(f"{bucket}/again") == hashlib.sha256(content).hexdigest()
    assert uploads(bucket) == 0


def test_an_empty_file_is_a_file(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    storage.write_file(f"{bucket}/empty", tmp_path / "empty")
    assert storage.read_bytes(f"{bucket}/empty") == b""
    assert storage.exists(f"{bucket}/empty")
    assert uploads(bucket) == 0


def test_an_error_while_writing_keeps_the_earlier_object(bucket: str) -> None:
    storage.write_bytes(f"{bucket}/a", b"before")
    with pytest.raises(RuntimeError), s3.open_write(f"{bucket}/a") as stream:
        stream.write(bytes(s3.PART + 1))
        raise RuntimeError
    assert storage.read_bytes(f"{bucket}/a") == b"before"
    assert uploads(bucket) == 0


def test_an_upload_that_was_never_finished_is_swept(bucket: str, s3_environment: str) -> None:
    client = boto3.client("s3", endpoint_url=s3_environment)
    client.create_multipart_upload(Bucket=bucket.removeprefix("s3://"), Key="out/a")
    assert not list(storage.list_files(bucket))
    assert storage.sweep(f"{bucket}/elsewhere", older_than=0) == 0
    assert storage.sweep(f"{bucket}/out", older_than=0) == 1
    assert uploads(bucket) == 0


def test_exists(bucket: str) -> None:
    storage.write_bytes(f"{bucket}/in/a.png", b"")
    assert storage.exists(f"{bucket}/in/a.png")
    assert storage.exists(f"{bucket}/in")
    assert storage.exists(bucket)
    assert not storage.exists(f"{bucket}/i")
    assert not storage.exists(f"{bucket}-no/x")


def test_stat_is_the_entry_of_a_listing(bucket: str) -> None:
    storage.write_bytes(f"{bucket}/in/a.png", b"abc")
    (listed,) = storage.list_files(f"{bucket}/in")
    assert storage.stat(listed.uri) == listed
    for none in ("in", "in/a"):
        with pytest.raises(FileNotFoundError):
            storage.stat(f"{bucket}/{none}")


def test_missing_objects(bucket: str) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read_bytes(f"{bucket}/none.png")
    with pytest.raises(FileNotFoundError):
        storage.copy(f"{bucket}/none.png", f"{bucket}/b.png")
    with pytest.raises(FileNotFoundError):
        list(storage.list_files(f"{bucket}-no/in"))
    assert not list(storage.list_files(f"{bucket}/none"))


def test_a_missing_bucket_is_named_with_the_remedy(bucket: str) -> None:
    with pytest.raises(OutputNotWritable, match="the bucket does not exist; create it"):
        storage.check_writable(f"{bucket}-no/out")
    storage.check_writable(f"{bucket}/out")
    assert not list(storage.list_files(bucket))


def test_delete_tree_refuses_a_whole_bucket(bucket: str) -> None:
    with pytest.raises(ValueError, match="everything in a bucket"):
        storage.delete_tree(f"{bucket}/")


def test_an_invalid_bucket_name_is_a_configuration_error(s3_environment: str) -> None:
    with pytest.raises(ConfigurationError, match="bucket"):
        storage.read_bytes("s3://Not A Bucket/a.png")


def test_missing_credentials_are_a_configuration_error(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="check AWS_ACCESS_KEY_ID"):
        storage.read_bytes(f"{bucket}/a.png")


def test_an_unreachable_server_is_unavailable(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for act in (
        lambda: storage.read_bytes(f"{bucket}/a"),
        lambda: storage.write_bytes(f"{bucket}/a", b""),
        lambda: list(storage.list_files(bucket)),
        lambda: storage.exists(f"{bucket}/a"),
        lambda: storage.delete_tree(f"{bucket}/a"),
    ):
        with pytest.raises(StoreUnavailable, match="did not answer"):
            act()


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (429, "TooManyRequests")])
def test_a_busy_server_is_retried_and_then_unavailable(bucket: str, faults: Faults, status: int, code: str) -> None:
    faults.status, faults.code, faults.left = status, code, 1
    storage.write_bytes(f"{bucket}/a", b"content")
    faults.left = -1
    for act in (
        lambda: storage.read_bytes(f"{bucket}/a"),
        lambda: storage.write_bytes(f"{bucket}/a", b"other"),
        lambda: list(storage.list_files(bucket)),
    ):
        with pytest.raises(StoreUnavailable):
            act()
    faults.left = 0
    assert storage.read_bytes(f"{bucket}/a") == b"content"


def test_refused_writes_are_named_with_the_remedy(bucket: str, faults: Faults) -> None:
    storage.write_bytes(f"{bucket}/a", b"")
    faults.status, faults.code = 403, "AccessDenied"
    for act in (
        lambda: storage.check_writable(f"{bucket}/out"),
        lambda: storage.write_bytes(f"{bucket}/a", b""),
        lambda: storage.write_bytes(f"{bucket}/a", bytes(s3.SINGLE + 1)),
        lambda: storage.delete(f"{bucket}/a"),
    ):
        with pytest.raises(OutputNotWritable, match="allow these credentials to put and delete objects"):
            act()
    with pytest.raises(PermissionError):
        storage.read_bytes(f"{bucket}/a")


def test_wrong_keys_are_a_configuration_error(bucket: str, faults: Faults) -> None:
    faults.status, faults.code = 403, "InvalidAccessKeyId"
    with pytest.raises(ConfigurationError, match="check credentials"):
        list(storage.list_files(bucket))


def test_a_full_store_is_named_with_the_remedy(bucket: str, faults: Faults) -> None:
    faults.status, faults.code = 507, "XMinioStorageFull"
    with pytest.raises(OutputNotWritable, match="free some space"):
        storage.write_bytes(f"{bucket}/a", b"")


def test_a_connection_cut_while_reading_is_resumed(bucket: str, faults: Faults) -> None:
    content = os.urandom(500_000)
    storage.write_bytes(f"{bucket}/a", content)
    faults.cut_after, faults.left, faults.methods = 200_000, 1, ("GET",)
    assert storage.read_bytes(f"{bucket}/a") == content
    assert faults.left == 0


def test_an_upload_that_fails_halfway_publishes_nothing_and_leaves_nothing(bucket: str, faults: Faults) -> None:
    faults.status, faults.methods, faults.left = 500, ("PUT",), -1
    with pytest.raises(StoreUnavailable):
        storage.write_bytes(f"{bucket}/a", bytes(s3.SINGLE + 1))
    faults.status = 0
    assert not storage.exists(f"{bucket}/a")
    assert uploads(bucket) == 0


def test_an_upload_whose_completion_fails_publishes_nothing(bucket: str, faults: Faults) -> None:
    storage.write_bytes(f"{bucket}/a", b"before")
    with pytest.raises(StoreUnavailable), s3.open_write(f"{bucket}/a") as stream:
        stream.write(bytes(s3.PART + 1))
        faults.status, faults.methods = 503, ("POST", "PUT")
    faults.status = 0
    assert storage.read_bytes(f"{bucket}/a") == b"before"
    assert uploads(bucket) == 0


@pytest.mark.parametrize("tier", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_object_in_an_archive_tier_is_told_from_a_store_that_is_gone(
    bucket: str, s3_environment: str, tmp_path: Path, tier: str
) -> None:
    client = boto3.client("s3", endpoint_url=s3_environment)
    client.put_object(Bucket=bucket.removeprefix("s3://"), Key="in/a.tif", Body=b"x", StorageClass=tier)
    (entry,) = storage.list_files(f"{bucket}/in")
    for use in (
        lambda: storage.read_bytes(entry.uri),
        lambda: storage.sha256(entry.uri),
        lambda: storage.copy(entry.uri, str(tmp_path / "a.tif")),
        lambda: storage.copy(entry.uri, f"{bucket}/copy.tif"),
    ):
        with pytest.raises(InArchiveTier, match="restore it first"):
            use()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "KMS.DisabledException", PermissionError),
        (409, "InvalidTag", PermissionError),
        (400, "RequestTimeout", StoreUnavailable),
        (400, "ExpiredToken", StoreUnavailable),
        (429, "TooManyRequests", StoreUnavailable),
        (503, "SlowDown", StoreUnavailable),
    ],
)
def test_a_refusal_of_one_object_is_no_outage(
    bucket: str, faults: Faults, status: int, code: str, error: type[Exception]
) -> None:
    storage.write_bytes(f"{bucket}/a.png", b"x")
    faults.status, faults.code, faults.methods = status, code, ("GET",)
    with pytest.raises(error, match=code):
        storage.read_bytes(f"{bucket}/a.png")


def test_a_bucket_that_may_not_be_listed_is_named(bucket: str, faults: Faults) -> None:
    faults.status, faults.code = 403, "AccessDenied"
    with pytest.raises(ConfigurationError, match="may not be listed"):
        list(storage.list_files(f"{bucket}/in"))


def test_a_new_object_never_takes_the_place_of_another(bucket: str) -> None:
    uri = f"{bucket}/box/a"
    with storage.open_new(uri) as stream:
        stream.write(b"first")
    with pytest.raises(FileExistsError), storage.open_new(uri):
        pass
    # Two at once: whoever is later finds the other's.
    other = f"{bucket}/box/b"
    with pytest.raises(FileExistsError), storage.open_new(other) as stream:
        stream.write(b"slow")
        storage.write_bytes(other, b"fast")
    with pytest.raises(RuntimeError), storage.open_new(f"{bucket}/box/c") as stream:
        stream.write(b"half")
        raise RuntimeError
    found = {entry.path: storage.read_bytes(entry.uri) for entry in storage.list_files(f"{bucket}/box")}
    assert found == {"a": b"first", "b": b"fast"}
    assert storage.sweep(bucket, 0) == 0
