"""A bag is taken when it is valid; problems are named, and no file is read twice."""

from __future__ import annotations

import hashlib
import logging
import os
import time
import unicodedata
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.inbox import bags
from pipeline.inbox.bagit import InvalidManifest, parse_manifest
from pipeline.inbox.settling import SettlingTracker, groups
from pipeline.ledger import events
from pipeline.ledger.database import Ledger
from pipeline.stages import manifest
from pipeline.storage import Entry, list_files


def make_bag(folder: Path, content: dict[str, bytes], algorithm: str = "sha256") -> Path:
    """Write a bag whose files are old enough to be recognised by their time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (folder / "bag-info.txt").write_text("Source-Organization: The archive\n")
    lines = []
    for name, data in content.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time.time() - 60, time.time() - 60))
        lines.append(f"{hashlib.new(algorithm, data).hexdigest()}  data/{name}\n")
    (folder / f"manifest-{algorithm}.txt").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("algorithm", ["sha512", "sha256", "md5"])
def test_a_complete_bag_is_valid_and_is_read_once(tmp_path: Path, project, algorithm: str) -> None:
    bag = make_bag(tmp_path / "bag", {"a.png": b"1", "box 1/Grüße.tif": b"2"}, algorithm)
    assert bags.check(str(bag), project.ledger) == bags.BagCheck(True, "", False, files=2, read=2)
    assert bags.check(str(bag), project.ledger) == bags.BagCheck(True, "", False, files=2, read=0)


def test_only_what_has_changed_is_read_again(tmp_path: Path, project) -> None:
    bag = make_bag(tmp_path / "bag", {"a.png": b"1", "b.png": b"good"})
    (bag / "data" / "b.png").write_bytes(b"evil")
    os.utime(bag / "data" / "b.png", (1000, 1000))
    found = bags.check(str(bag), project.ledger)
    assert (found.valid, found.incomplete, found.read) == (False, False, 2)
    assert found.problem == '"data/b.png" does not have the sha256 that the manifest names'
    assert bags.check(str(bag), project.ledger).read == 0
    (bag / "data" / "b.png").write_bytes(b"good")
    os.utime(bag / "data" / "b.png", (2000, 2000))
    assert bags.check(str(bag), project.ledger) == bags.BagCheck(True, "", False, files=2, read=1)


def test_nothing_is_read_before_every_file_is_there(tmp_path: Path, project) -> None:
    bag = make_bag(tmp_path / "bag", {f"{n}.png": b"1" for n in range(6)})
    for number in range(5):
        (bag / "data" / f"{number}.png").unlink()
    found = bags.check(str(bag), project.ledger)
    assert (found.valid, found.incomplete, found.read) == (False, True, 0)
    assert found.problem == '"data/0.png", "data/1.png", "data/2.png" and 2 more are not there'


def test_a_file_that_no_manifest_names_is_reported(tmp_path: Path, project) -> None:
    bag = make_bag(tmp_path / "bag", {"a.png": b"1"})
    (bag / "data" / "b.png").write_bytes(b"2")
    found = bags.check(str(bag), project.ledger)
    assert (found.valid, found.problem) == (False, '"data/b.png" is not in manifest-sha256.txt')


def test_hidden_and_decomposed_names_are_found(tmp_path: Path, project) -> None:
    bag = make_bag(tmp_path / "bag", {".DS_Store": b"1", "Grüße.png": b"2"})
    text = (bag / "manifest-sha256.txt").read_text(encoding="utf-8")
    (bag / "manifest-sha256.txt").write_text(unicodedata.normalize("NFD", text), encoding="utf-8")
    assert bags.check(str(bag), project.ledger).valid


def test_a_bag_in_a_bucket(bucket: str, project, tmp_path: Path) -> None:
    bag = make_bag(tmp_path / "bag", {"a #1?.png": b"1", "b.png": b"2"})
    for path in bag.rglob("*"):
        if path.is_file():
            storage.write_bytes(f"{bucket}/in/bag/{path.relative_to(bag)}", path.read_bytes())
    time.sleep(2.1)  # younger objects are read again
    assert bags.check(f"{bucket}/in/bag", project.ledger) == bags.BagCheck(True, "", False, files=2, read=2)
    assert bags.check(f"{bucket}/in/bag", project.ledger).read == 0
    storage.write_bytes(f"{bucket}/in/bag/data/b.png", b"3")
    assert '"data/b.png"' in bags.check(f"{bucket}/in/bag", project.ledger).problem


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("abc  data/a.png", "line 1 is not"),
        (f"{'0' * 64}  ../a.png", "not below data/"),
        (f"{'0' * 64}  data/../../a.png", "not below data/"),
        (f"{'0' * 64}  /etc/passwd", "not below data/"),
        (f"{'0' * 64} data/a.png\n{'1' * 64} data/a.png", "second checksum"),
        (f"{'0' * 64}", "line 1 is not"),
    ],
)
def test_a_manifest_that_cannot_be_trusted(line: str, said: str) -> None:
    with pytest.raises(InvalidManifest, match=said):
        parse_manifest(line.encode(), "sha256", "manifest-sha256.txt")


def test_every_spelling_of_a_manifest_line_is_read() -> None:
    zeros = "0" * 32
    text = f"\ufeff{zeros}  data/a b.png\r\n{zeros} *./data/c%0Ad%25.png\n\n{zeros.upper()}\tdata/x\u2028y.png"
    assert list(parse_manifest(text.encode(), "md5", "m")) == ["data/a b.png", "data/c\nd%.png", "data/x\u2028y.png"]


def test_a_bag_is_one_group_however_many_folders_it_has(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", {"a.png": b"1", "inner/b.png": b"2", "inner/bagit.txt": b"3"})
    (tmp_path / "bagged").mkdir()
    (tmp_path / "bagged" / "c.png").write_bytes(b"4")
    found = groups(list_files(str(tmp_path)))
    assert {name: (group.files, group.bag) for name, group in found.items()} == {
        "bag": (2, True),
        "bagged": (1, False),
    }
    assert found["bag"].uri == str(tmp_path / "bag")
    os.utime(tmp_path / "bag" / "data" / "inner" / "b.png", (5, 5))
    assert groups(list_files(str(tmp_path)))["bag"].fingerprint != found["bag"].fingerprint


def test_an_invalid_bag_is_checked_once_until_it_changes() -> None:
    def bag(size: int):
        paths = ("bag/bagit.txt", "bag/data/a.png")
        return groups([Entry(path, f"/inbox/{path}", size, 1.0, "", "file") for path in paths])

    answers: list[bool | None] = [None, False, True]
    settling = SettlingTracker(settle=30, marker=".ready", check=lambda group: answers.pop(0))
    assert settling.update(bag(1), 0) == []
    assert len(answers) == 3, "a bag that still changes is not checked"
    assert settling.update(bag(1), 10) == settling.update(bag(1), 20) == []
    assert answers == [True]
    assert settling.update(bag(1), 30) == settling.update(bag(2), 40) == []
    assert [group.files for group in settling.update(bag(2), 50)] == [1]


def rows(chunks: list[str]) -> list[str]:
    return [row.path for chunk in chunks for row in manifest.read(chunk)]


def happened(ledger: Ledger, batch_id: int) -> dict[str, str]:
    with ledger.read() as session:
        found = events.of_batch(session, batch_id, "receive")
        return {event.decision: event.message for event in found if "bag" in event.figures}


def test_receive_takes_the_content_of_valid_bags_only(project, caplog) -> None:
    scan = project.put("loose.png", painted=False).read_bytes()
    make_bag(project.inbox / "whole", {"a.png": scan, "b.png": scan + b" "})
    harmed = make_bag(project.inbox / "harmed", {"c.png": scan, "d.png": b"x"})
    (harmed / "data" / "d.png").write_bytes(b"y")
    with caplog.at_level(logging.INFO, "pipeline.stages"):
        assert rows(project.receive()) == ["loose.png", "whole/data/a.png", "whole/data/b.png"]
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == [
        'bag="harmed" decision=refused: "data/d.png" does not have the sha256 that the manifest names; copy it again'
    ]
    assert set(happened(project.ledger, 1)) == {"bag whole", "bag refused"}
    (harmed / "data" / "d.png").write_bytes(b"x")
    assert rows(project.receive()) == ["harmed/data/c.png", "harmed/data/d.png"]


def test_receive_waits_for_the_marker(project) -> None:
    from pipeline.settings import Watch

    project.changes["watch"] = Watch(marker=".ready")
    project.put("box 1/a.png", painted=False)
    project.put("box 2/b.png", 1, painted=False)
    (project.inbox / "box 2" / ".ready").touch()
    make_bag(project.inbox / "bag", {"c.png": (project.inbox / "box 1/a.png").read_bytes()})
    assert rows(project.receive()) == ["bag/data/c.png", "box 2/b.png"]


def test_what_systems_leave_in_a_payload_does_not_refuse_a_bag(tmp_path: Path, project) -> None:
    bag = make_bag(tmp_path / "bag", {"a.png": b"1"})
    (bag / "data/Thumbs.db").write_bytes(b"left by a visitor")
    assert bags.check(str(bag), project.ledger).valid
    (bag / "data/b.png").write_bytes(b"not listed")
    assert "data/b.png" in bags.check(str(bag), project.ledger).problem
