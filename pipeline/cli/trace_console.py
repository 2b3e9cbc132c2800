"""Print a scan's history, or return it for JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipeline.cli.console import stdout_console
from pipeline.escape import one_line, visible
from pipeline.ledger.listing import reason_of

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy.orm import Session

    from pipeline.ledger.history import History
    from pipeline.ledger.tables import Base, Batch, Event, OutcomeRow, Scan

# Columns of the table where there is no terminal, whose width would count.
WIDTH = 100
# Figures that a person asks for, in plain words; all are in the JSON.
FIGURES: dict[str, Callable[[Any], str]] = {
    "name": lambda value: f"by {one_line(str(value), 60)}",
    "again": lambda value: f"done again, changed: {value}" if value != "asked" else "done again, as asked",
    "same_as": lambda value: f"same bytes as {visible(str(value), 60)}",
    "review_reason": lambda value: one_line(str(value)),
    "coverage": lambda value: f"{value:.2%} damaged",
    "suggested": lambda value: f"{value} marks not filled",
    "mask_source": lambda value: f"mask: {value}",
    "engine": lambda value: f"filled by {value}",
    "psnr": lambda value: f"PSNR {value:.2f} dB against the original",
    "ssim": lambda value: f"SSIM {value:.4f}",
    "estimate_psnr": lambda value: f"estimated PSNR {value:.1f} dB",
    "seam": lambda value: f"seam {value:.2f}",
    "outside_identical": lambda value: "identical outside the mask" if value else "DIFFERS OUTSIDE THE MASK",
}


def print_scans(session: Session, scans: Sequence[Scan], *, more: bool) -> None:
    """Print a line for each of some scans, with its latest result.

    Args:
        more: there are more than these.
    """
    from pipeline.ledger.history import latest_outcomes

    console = stdout_console(width=None if sys.stdout.isatty() else WIDTH)
    latest = latest_outcomes(session, [scan.id for scan in scans])
    grid = Table(box=None, pad_edge=False, header_style="dim", width=console.width)
    for name in ("when (UTC)", "outcome", "sha256"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("collection", overflow="fold", max_width=20)
    grid.add_column("scan", overflow="fold", ratio=1)
    for scan in scans:
        outcome = latest.get(scan.id)
        when, what = (_format_time(outcome.recorded), outcome.outcome) if outcome else ("", "not finished")
        grid.add_row(when, what, scan.sha256[:12], Text(scan.collection), Text(visible(scan.path)))
    console.print(grid)
    if more:
        console.print(Text("… and more: --limit lists more of them, --format json and premis write all."))


def print_histories_as_json(histories: Iterable[History]) -> None:
    """Print one JSON object on one line, as its parts are read, so that any number of scans fits into memory."""
    sys.stdout.write('{"scans": [')
    for number, one in enumerate(histories):
        sys.stdout.write(f"{', ' if number else ''}{json.dumps(history_as_json(one))}")
    sys.stdout.write("]}\n")


def history_as_json(history: History) -> dict[str, Any]:
    """Return a history as plain values."""
    return {
        "scan": _row_as_json(history.scan),
        "output_name": history.publication.stem if history.publication else None,
        "same_bytes": [duplicate.path for duplicate in history.same_bytes],
        "outcomes": [_row_as_json(outcome) for outcome in history.outcomes],
        "events": [_row_as_json(event) for event in history.events],
        "decisions": [_row_as_json(decision) for decision in history.decisions],
        "batches": [_row_as_json(batch) for batch in history.batches.values()],
    }


def print_history(history: History) -> None:
    """Print a history: what became of the scan first, then what it is, then every event by batch."""
    console = stdout_console(width=None if sys.stdout.isatty() else WIDTH)
    scan = history.scan
    console.print(Text(visible(scan.path), style="bold"))
    for outcome in reversed(history.outcomes):
        _print_outcome(console, outcome, history.batches[outcome.batch_id])
    console.print()
    size = f", {scan.width} × {scan.height}, {scan.bit_depth} bit" if scan.width else ""
    _print_line(console, f"collection {scan.collection}, {scan.format or 'not an image'}{size}, {scan.bytes:,} bytes")
    _print_line(console, f"sha256 {scan.sha256 or '(nothing readable)'}")
    _print_line(console, f"first seen {_format_time(scan.first_seen)}")
    for duplicate in history.same_bytes:
        _print_line(console, f"same bytes as {visible(duplicate.path)}")
    # In the order of time: what is of no batch, an upload or a check, comes between them.
    for batch_id, events in groupby(history.events, key=lambda event: event.batch_id):
        console.print(Text(f"\n{_describe_batch(history.batches[batch_id])}" if batch_id is not None else ""))
        console.print(_event_table(list(events), console.width))
    for decision in history.decisions:
        _print_line(
            console,
            f"{_format_time(decision.at)} {one_line(decision.by_name or decision.by)} decided: {decision.decision}"
            f" {one_line(decision.note)}",
        )


def _print_outcome(console: Console, outcome: OutcomeRow, batch: Batch) -> None:
    """Print what became of the scan under one recipe, and why."""
    reason, message = reason_of(outcome)
    why = ": ".join(filter(None, (reason, one_line(message))))
    console.print(Text(f"{outcome.outcome}{f' ({why})' if why else ''}", style="bold"))
    _print_line(console, f"batch {batch.name}, {_format_time(outcome.recorded)}")
    _print_line(console, f"recipe {outcome.recipe_digest[:12]}, code {outcome.code_version}")
    from pipeline.ledger.outcome_files import files_of

    for label, uri, sha in files_of(outcome):
        _print_line(console, f"{label} {visible(uri)} (sha256 {sha[:12]})")


def _describe_batch(batch: Batch) -> str:
    run = f", run {batch.dag_id}/{batch.run_id}" if batch.dag_id else ""
    return f"batch {batch.name}{run}"


def _event_table(events: list[Event], width: int) -> Table:
    """Return the events of one batch: decision and reason before everything else."""
    grid = Table(box=None, pad_edge=False, header_style="dim", width=width)
    for name in ("stage", "decision"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("why, and what was found", overflow="fold", ratio=1)
    for name in ("when (UTC)", "seconds"):
        grid.add_column(name, no_wrap=True)
    for event in events:
        found = [one_line(event.message, 200)] if event.message else []
        found += describe_figures(event.figures)
        if event.try_number > 1:
            found.append(f"attempt {event.try_number}")
        at, seconds = _format_time(event.at), f"{event.seconds:.2f}"
        grid.add_row(event.stage, event.decision, Text(", ".join(found)), at, seconds)
    return grid


def describe_figures(figures: Mapping[str, Any]) -> list[str]:
    """Return the figures that a person asks for, each in plain words."""
    return [describe(figures[name]) for name, describe in FIGURES.items() if figures.get(name) is not None]


def _print_line(console: Console, text: str) -> None:
    console.print(Text(f"  {text}"))


def _format_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _row_as_json(row: Base) -> dict[str, Any]:
    """Return a row as plain values by column."""
    from sqlalchemy import inspect

    # An attribute may be called otherwise than its column, whose name is public.
    values = {attribute.columns[0].name: getattr(row, attribute.key) for attribute in inspect(type(row)).column_attrs}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
