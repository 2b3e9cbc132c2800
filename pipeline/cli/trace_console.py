"""Print a scan's history, or return it for JSON."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipeline.cli.console import stdout_console
from pipeline.escape import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.ledger.history import History
    from pipeline.ledger.tables import Base

# Those that fit in a table; all are in the JSON.
FIGURES = (
    *("coverage", "suggested", "mask_source", "engine", "windows"),
    *("psnr", "ssim", "estimate_psnr", "seam", "outside_identical"),
)


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
    """Print a history as text and a table of events."""
    # Without a terminal there is no width at which lines would have to be folded.
    console = stdout_console(width=None if sys.stdout.isatty() else 220)
    scan = history.scan
    console.print(Text(visible(scan.path), style="bold"))
    size = f", {scan.width} × {scan.height}, {scan.bit_depth} bit" if scan.width else ""
    _print_line(console, f"collection {scan.collection}, {scan.format or 'not an image'}{size}, {scan.bytes:,} bytes")
    _print_line(console, f"sha256 {scan.sha256 or '(nothing readable)'}")
    _print_line(console, f"first seen {_format_time(scan.first_seen)}")
    for duplicate in history.same_bytes:
        _print_line(console, f"same bytes as {visible(duplicate.path)}")
    for outcome in history.outcomes:
        batch = history.batches[outcome.batch_id]
        why = f" ({outcome.reason}: {one_line(outcome.message)})" if outcome.reason else ""
        console.print(Text(f"\n{outcome.outcome}{why}", style="bold"))
        _print_line(console, f"recipe {outcome.recipe_digest[:16]}, batch {batch.name}, code {outcome.code_version}")
        for label, uri, sha in (
            ("derivative", outcome.restored_uri, outcome.restored_sha256),
            ("mask", outcome.mask_uri, outcome.mask_sha256),
            ("suggestions", outcome.suggested_uri, outcome.suggested_sha256),
            ("sidecar", outcome.sidecar_uri, outcome.sidecar_sha256),
        ):
            if uri:
                _print_line(console, f"{label} {visible(uri)} sha256 {sha[:16]}…")
    console.print(_event_table(history))
    for decision in history.decisions:
        _print_line(
            console, f"{_format_time(decision.at)} {decision.by} decided: {decision.decision} {one_line(decision.note)}"
        )


def _event_table(history: History) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("when (UTC)", "stage", "decision", "figures", "seconds", "task", "host"):
        grid.add_column(name, overflow="fold")
    for event in history.events:
        shown = [f"{key} {_format_value(event.figures[key])}" for key in FIGURES if key in event.figures]
        if event.message:
            shown.append(one_line(event.message, 120))
        task = f"{event.dag_id}/{event.run_id}/{event.task_id}[{event.map_index}] try {event.try_number}"
        grid.add_row(
            _format_time(event.at),
            event.stage,
            event.decision,
            Text(", ".join(shown)),
            f"{event.seconds:.2f}",
            Text(task if event.dag_id else event.task_id or "shell"),
            event.host,
        )
    return grid


def _print_line(console: Console, text: str) -> None:
    console.print(Text(f"  {text}"))


def _format_value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _format_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _row_as_json(row: Base) -> dict[str, Any]:
    """Return a row as plain values by column."""
    from sqlalchemy import inspect

    # An attribute may be called otherwise than its column, whose name is public.
    values = {attribute.columns[0].name: getattr(row, attribute.key) for attribute in inspect(type(row)).column_attrs}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
