"""What the verbs share that go through scans one by one: names of results, a bar, failures that cost one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import error_line, visible

if TYPE_CHECKING:
    from pipeline.scans import Scan
    from pipeline.storage import Entry


def target_names(entries: Iterable[Entry], suffix: str) -> list[str]:
    """Return a path for each scan: its own with another ending; on a clash the later one keeps its ending too."""
    taken: set[str] = set()
    names = []
    for entry in entries:
        path = PurePosixPath(entry.path)
        name = str(path.with_name(path.stem + suffix))
        if name in taken:
            name = str(path.with_name(path.name + suffix))
        taken.add(name)
        names.append(name)
    return names


def bar(console: Console) -> Progress:
    """Return a bar that counts and report the time left; it is drawn on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def each(
    title: str, scans: Sequence[Entry], suffix: str, work: Callable[[Entry, str], None], console: Console
) -> list[dict[str, str]]:
    """Return the scans that the work failed on, path and message, each of which was named as it happened.

    Args:
        title: of the bar.
        scans: what to go through.
        suffix: of the names that their results get, see `target_names`.
        work: takes a scan and its result's name; a scan that it cannot read, or write, costs that scan only.

    Raises:
        StoreUnavailable: from the work; the next scan would fare no better.
    """
    failed = []
    with bar(console) as progress:
        task = progress.add_task(title, total=len(scans))
        for entry, name in zip(scans, target_names(scans, suffix), strict=True):
            try:
                work(entry, name)
            except (UnreadableScan, OSError, ValueError) as error:
                failed.append(failure(entry, error, console))
            progress.advance(task)
    return failed


def opened(entry: Entry) -> Scan:
    """Return a scan, decoded.

    Raises:
        UnreadableScan: it is damaged, of a kind that is not read, or no file at all.
    """
    from pipeline import scans

    if entry.kind != "file":
        raise UnreadableScan(Reason.NOT_A_FILE, f"is no file but a {entry.kind.replace('-', ' ')}")
    return scans.decode_isolated(entry.uri, name=entry.path)


def failure(entry: Entry, error: BaseException, console: Console) -> dict[str, str]:
    """Return path and message of a scan that failed, and name it on the console."""
    message = said(error)
    console.print(f"{visible(entry.path)}: {message}", markup=False, highlight=False)
    return {"path": entry.path, "message": message}


def said(error: BaseException) -> str:
    """Return what an error says, on one line of 300 characters at most."""
    return error_line(error, 300)
