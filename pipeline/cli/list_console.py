"""Print listed scans as a table that fits the terminal, as CSV, or return them for JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipeline.cli.console import stdout_console
from pipeline.escape import one_line, visible, without_formula
from pipeline.ledger.listing import reason_of

if TYPE_CHECKING:
    from pipeline.ledger.listing import Listed
    from pipeline.ledger.tables import Batch, OutcomeRow, Scan

COLUMNS = (
    *("recorded", "outcome", "reason", "message", "collection", "batch", "path", "sha256"),
    *("restored", "mask", "suggestions", "sidecar"),
)


def listed_as_json(scan: Scan, outcome: OutcomeRow, batch: Batch) -> dict[str, Any]:
    """Return one listed scan as plain values."""
    reason, message = reason_of(outcome)
    values = (
        *(outcome.recorded.isoformat(timespec="seconds"), outcome.outcome, reason, message),
        *(scan.collection, batch.name, scan.path, scan.sha256),
        *(outcome.restored_uri, outcome.mask_uri, outcome.suggested_uri, outcome.sidecar_uri),
    )
    return dict(zip(COLUMNS, values, strict=True))


def print_listed_csv(found: Sequence[Listed]) -> None:
    """Print listed scans as CSV with a header; no cell can run as a formula in a spreadsheet."""
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in found:
        values = listed_as_json(*one).items()
        writer.writerow({name: without_formula(one_line(value, 2000)) for name, value in values})


def print_listed(
    found: Sequence[Listed], counts: Mapping[str, int], chosen: Sequence[str], since: datetime | None
) -> None:
    """Print listed scans as a table, and how many there are of each outcome."""
    console = stdout_console(width=None if sys.stdout.isatty() else 100)
    when = f"since {since.astimezone():%Y-%m-%d %H:%M}" if since else "of all times"
    grid = Table(box=None, pad_edge=False, header_style="dim", width=console.width)
    grid.add_column("when", no_wrap=True)
    grid.add_column("outcome", no_wrap=True)
    years = {outcome.recorded.astimezone().year for _, outcome, _ in found}
    form = "%m-%d %H:%M" if years <= {datetime.now().astimezone().year} else "%Y-%m-%d %H:%M"
    several = len({scan.collection for scan, _, _ in found}) > 1
    if several:
        grid.add_column("collection", overflow="fold", max_width=20)
    grid.add_column("scan", overflow="fold", ratio=2)
    grid.add_column("why", overflow="fold", ratio=3)
    for scan, outcome, _ in found:
        reason, message = reason_of(outcome)
        cells = [f"{outcome.recorded.astimezone():{form}}", outcome.outcome]
        cells += [scan.collection] if several else []
        cells += [visible(scan.path), ": ".join(filter(None, (reason, one_line(message))))]
        grid.add_row(*map(Text, cells))
    if found:
        console.print(grid)
    shown = sum(count for outcome, count in counts.items() if not chosen or outcome in chosen)
    what = " or ".join(chosen) or "any outcome"
    if not found:
        console.print(Text(f"No scan {when} with {what}."))
    elif len(found) < shown:
        console.print(Text(f"… and {shown - len(found)} more: --limit {shown} shows all, --csv writes them."))
    if counts:
        every = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        console.print(Text(f"{when[0].upper()}{when[1:]}: {every}.", style="dim"))
