"""What verbs share that go through scans one by one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.cli.per_scan import each, opened, said, target_names
from pipeline.errors import OutputNotWritable, Reason, UnreadableScan
from pipeline.storage import Entry, EntryKind


def entry(path: str, kind: EntryKind = "file") -> Entry:
    return Entry(path, f"/inbox/{path}", 1, 0.0, "", kind)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_failure_costs_one_scan_and_is_named_as_it_is(console: Console) -> None:
    done: list[str] = []

    def work(scan: Entry, name: str) -> None:
        if scan.path == "[red]b.png":
            raise ValueError("two\nlines")
        done.append(name)

    failed = each("work", [entry("a.png"), entry("[red]b.png"), entry("box/c.tif")], ".png", work, console)
    assert failed == [{"path": "[red]b.png", "message": "two lines"}]
    assert done == ["a.png", "box/c.png"]
    assert text(console) == "[red]b.png: two lines\n"


def test_what_would_fail_every_scan_ends_the_work(console: Console) -> None:
    done: list[str] = []

    def work(scan: Entry, name: str) -> None:
        done.append(name)
        raise OutputNotWritable("the disk is full")

    with pytest.raises(OutputNotWritable):
        each("work", [entry("a.png"), entry("b.png")], "", work, console)
    assert done == ["a"]


def test_the_second_of_one_stem_keeps_its_ending() -> None:
    scans = [entry("a.jpg"), entry("a.tif"), entry("box/a.jpg"), entry("b.c.png")]
    assert target_names(scans, ".png") == ["a.png", "a.tif.png", "box/a.png", "b.c.png"]


def test_what_is_no_file_is_not_opened() -> None:
    with pytest.raises(UnreadableScan, match="no file but a link outward") as caught:
        opened(entry("a.png", "link-outward"))
    assert caught.value.reason is Reason.NOT_A_FILE


def test_an_error_is_said_on_one_line() -> None:
    assert said(ValueError("x" * 400)) == "x" * 300
    assert said(ValueError()) == "ValueError"
    assert said(UnreadableScan(Reason.NOT_A_FILE, "is\tno file")).endswith("is no file")
