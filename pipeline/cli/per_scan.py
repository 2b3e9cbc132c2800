"""What verbs share that work scan by scan: names of results, and errors that cost one scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.cli.console import progress_bar
from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import error_line

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.scans import Scan
    from pipeline.storage import Entry


def target_names(entries: Iterable[Entry], suffix: str) -> list[str]:
    """Return a path for each scan: its own with another suffix; on a clash the later one keeps its suffix too."""
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


def process_each(
    title: str, scans: Sequence[Entry], suffix: str, process: Callable[[Entry, str], None], console: Console
) -> list[dict[str, str]]:
    """Return path and message of the scans that failed; each is also printed as it happens.

    Args:
        title: of the progress bar.
        scans: what to go through.
        suffix: of the names of their results, see `target_names`.
        process: called with a scan and its result's name; when it cannot read or write, only that scan fails.
        console: for the progress bar and the messages.

    Raises:
        StoreUnavailable: from `process`; the next scan would fail too.
    """
    failed = []
    with progress_bar(console) as progress:
        task = progress.add_task(title, total=len(scans))
        for entry, name in zip(scans, target_names(scans, suffix), strict=True):
            try:
                process(entry, name)
            except (UnreadableScan, OSError, ValueError) as error:
                failed.append(report_failure(entry, error, console))
            progress.advance(task)
    return failed


def read_scan(entry: Entry) -> Scan:
    """Return a scan, decoded.

    Raises:
        UnreadableScan: it is damaged, of an unsupported format, or not a file at all.
    """
    from pipeline import scans

    if entry.kind != "file":
        raise UnreadableScan(Reason.NOT_A_FILE, f"is not a file but a {entry.kind.replace('-', ' ')}")
    return scans.decode_isolated(entry.uri, name=entry.path)


def report_failure(entry: Entry, error: BaseException, console: Console) -> dict[str, str]:
    """Return path and message of a scan that failed, and print them."""
    message = error_line(error, 300)
    console.print(f"{entry.path}: {message}", markup=False, highlight=False)
    return {"path": entry.path, "message": message}
