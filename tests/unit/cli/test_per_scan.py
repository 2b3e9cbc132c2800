"""What verbs share that work scan by scan."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.cli.per_scan import process_each, read_scan, report_failure, target_names
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


def test_a_failure_costs_one_scan_and_is_printed_without_markup(console: Console) -> None:
    done: list[str] = []

    def work(scan: Entry, name: str) -> None:
        if scan.path == "[red]b.png":
            raise ValueError("two\nlines")
        done.append(name)

    failed = process_each("work", [entry("a.png"), entry("[red]b.png"), entry("box/c.tif")], ".png", work, console)
    assert failed == [{"path": "[red]b.png", "message": "two lines"}]
    assert done == ["a.png", "box/c.png"]
    assert text(console) == "[red]b.png: two lines\n"


def test_an_error_that_every_scan_would_meet_ends_the_work(console: Console) -> None:
    done: list[str] = []

    def work(scan: Entry, name: str) -> None:
        done.append(name)
        raise OutputNotWritable("the disk is full")

    with pytest.raises(OutputNotWritable):
        process_each("work", [entry("a.png"), entry("b.png")], "", work, console)
    assert done == ["a"]


def test_the_second_scan_with_one_stem_keeps_its_suffix() -> None:
    scans = [entry("a.jpg"), entry("a.tif"), entry("box/a.jpg"), entry("b.c.png")]
    assert target_names(scans, ".png") == ["a.png", "a.tif.png", "box/a.png", "b.c.png"]


def test_only_files_are_read() -> None:
    with pytest.raises(UnreadableScan, match="not a file but a link outward") as caught:
        read_scan(entry("a.png", "link-outward"))
    assert caught.value.reason is Reason.NOT_A_FILE


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("x" * 400), "x" * 300),
        (ValueError(), "ValueError"),
        (UnreadableScan(Reason.NOT_A_FILE, "is\tno file"), "is no file"),
    ],
)
def test_a_failure_is_reported_on_one_line(console: Console, error: Exception, message: str) -> None:
    console.width = 400
    assert report_failure(entry("a.png"), error, console) == {"path": "a.png", "message": message}
    assert text(console) == f"a.png: {message}\n"
