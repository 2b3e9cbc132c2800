"""A scan's history as a table and as JSON."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.escape import one_line, visible

if TYPE_CHECKING:
    from pipeline.ledger.history import History
    from pipeline.ledger.tables import Base

# What a table has room for; all figures are in the JSON.
FIGURES = (
    *("coverage", "suggested", "mask_source", "engine", "windows"),
    *("psnr", "ssim", "estimate_psnr", "seam", "outside_identical"),
)


def document(story: History) -> dict[str, Any]:
    """Return a history as plain values."""
    return {
        "scan": _plain(story.scan),
        "output_name": story.publication.stem if story.publication else None,
        "same_bytes": [twin.path for twin in story.same_bytes],
        "outcomes": [_plain(outcome) for outcome in story.outcomes],
        "events": [_plain(event) for event in story.events],
        "decisions": [_plain(decision) for decision in story.decisions],
        "batches": [_plain(batch) for batch in story.batches.values()],
    }


def table(story: History) -> None:
    """Print a history."""
    # Into a file or another program lines are not folded at the width of a terminal that is not there.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 220)
    scan = story.scan
    console.print(Text(visible(scan.path), style="bold"))
    size = f", {scan.width} × {scan.height}, {scan.bit_depth} bit" if scan.width else ""
    _say(console, f"collection {scan.collection}, {scan.format or 'no image'}{size}, {scan.bytes:,} bytes")
    _say(console, f"sha256 {scan.sha256 or '(nothing readable)'}")
    _say(console, f"first seen {_time(scan.first_seen)}")
    for twin in story.same_bytes:
        _say(console, f"same bytes as {visible(twin.path)}")
    for outcome in story.outcomes:
        batch = story.batches[outcome.batch_id]
        why = f" ({outcome.reason}: {one_line(outcome.message)})" if outcome.reason else ""
        console.print(Text(f"\n{outcome.outcome}{why}", style="bold"))
        _say(console, f"recipe {outcome.recipe_digest[:16]}, batch {batch.name}, code {outcome.code_version}")
        for label, uri, sha in (
            ("derivative", outcome.restored_uri, outcome.restored_sha256),
            ("mask", outcome.mask_uri, outcome.mask_sha256),
            ("suggestions", outcome.suggested_uri, outcome.suggested_sha256),
            ("sidecar", outcome.sidecar_uri, outcome.sidecar_sha256),
        ):
            if uri:
                _say(console, f"{label} {visible(uri)} sha256 {sha[:16]}…")
    console.print(_events(story))
    for decision in story.decisions:
        _say(console, f"{_time(decision.at)} {decision.by} decided: {decision.decision} {one_line(decision.note)}")


def _events(story: History) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("when (UTC)", "stage", "decision", "figures", "seconds", "task", "host"):
        grid.add_column(name, overflow="fold")
    for event in story.events:
        shown = [f"{key} {_short(event.figures[key])}" for key in FIGURES if key in event.figures]
        if event.message:
            shown.append(one_line(event.message, 120))
        task = f"{event.dag_id}/{event.run_id}/{event.task_id}[{event.map_index}] try {event.try_number}"
        grid.add_row(
            _time(event.at),
            event.stage,
            event.decision,
            Text(", ".join(shown)),
            f"{event.seconds:.2f}",
            Text(task if event.dag_id else event.task_id or "shell"),
            event.host,
        )
    return grid


def _say(console: Console, text: str) -> None:
    console.print(Text(f"  {text}"))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _plain(row: Base) -> dict[str, Any]:
    """Return a row as JSON can hold it."""
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
