"""Run all stages of a collection in one process, for `restore`."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipeline import storage
from pipeline.inbox import listing
from pipeline.ledger import Outcome, TaskContext, batches
from pipeline.ledger.database import open_engine
from pipeline.ledger.processes import process_name
from pipeline.ledger.rows import now
from pipeline.reports.pdf import weasyprint
from pipeline.settings import Collection, settings
from pipeline.stages import batch_frame, manifest
from pipeline.stages.batch import load_batch, open_ledger, work_area
from pipeline.stages.digest import digest
from pipeline.stages.models import digests
from pipeline.stages.order import CHUNK_STAGES, load_stage
from pipeline.stages.receive import receive
from pipeline.stages.reconcile import reconcile
from pipeline.stages.report import report

if TYPE_CHECKING:
    from pipeline.stages.run_summary import RunSummary

# Imported with this module, so that a broken installation shows before anything is written.
STAGES = tuple((stage, load_stage(stage)) for stage in CHUNK_STAGES)


@dataclass(frozen=True)
class RunOptions:
    """Which scans of an inbox a run takes, and whether it draws a progress bar.

    Args:
        limit: scans of one run at most; None for all.
        since: only files changed since this date or time (ISO 8601); None for all.
        redo: also restore scans that are done with this recipe.
        source: folder or file below the inbox to take scans from; None for the whole inbox.
        show_progress: draw a progress bar on stderr; it is drawn on a terminal only.
    """

    limit: int | None = None
    since: str | None = None
    redo: bool = False
    source: str | None = None
    show_progress: bool = False


def restore(collection: Collection, options: RunOptions, summary: RunSummary) -> None:
    """Restore a collection, and add the figures of the run to the summary.

    A batch that another process left unfinished when it was killed is finished first.

    Raises:
        ConfigurationError, WeightsError, OutputNotWritable: nothing was written.
        StoreUnavailable: run the same command again.
    """
    # Check the installation and the configuration before anything is written.
    weasyprint()
    listing.open_inbox(collection, options.source, options.since)
    digests(collection.recipe)
    open_engine(settings().ledger_url)
    storage.check_writable(collection.output)
    unfinished = _adopt_unfinished(collection)
    if unfinished:
        _run_batch(collection, unfinished, options, summary)
    _run_batch(collection, f"{now():%Y-%m-%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}", options, summary)


def _adopt_unfinished(collection: Collection) -> str | None:
    """Take over the batch that a killed process left, and return its name; abandon those of another recipe or inbox."""
    mine: str | None = None
    abandoned = []
    with open_ledger().write() as session:
        for batch in batches.orphaned(session, collection.name):
            same = batch.recipe_digest == collection.recipe.digest(digests(collection.recipe))
            if mine is None and same and batch.inbox == collection.inbox:
                if batches.adopt(session, batch.id, batch.owner, process_name()):
                    mine = batch.name
            else:
                batches.abandon(session, batch.id)
                abandoned.append(work_area(batch.output, batch.name))
    for area in abandoned:
        storage.delete_tree(area)
    return mine


def _run_batch(collection: Collection, name: str, options: RunOptions, summary: RunSummary) -> None:
    """Run all stages on one batch."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[scans]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not options.show_progress or not sys.stderr.isatty()) as bar:
        task = bar.add_task("receiving", total=None, scans="")
        chunks = receive(
            collection,
            batch=name,
            source=options.source,
            limit=options.limit,
            since=options.since,
            redo=options.redo,
            owner=process_name(),
            most_chunks=10**9,
            progress=lambda count: bar.advance(task, count),
        )
        area = work_area(collection.output, name)
        sizes = [len(manifest.read(chunk)) for chunk in chunks]
        bar.update(task, total=sum(sizes) * len(STAGES) or 1, completed=0)
        steps = done = 0
        for chunk, size in zip(chunks, sizes, strict=True):
            for stage, function in STAGES:
                bar.update(task, description=f"{stage:9}", scans=f"{done}/{sum(sizes)} scans")
                chunk = function(chunk, TaskContext(task_id=str(stage)), progress=_advance(bar, task))
                steps += size
                bar.update(task, completed=steps)
            done += size
        if chunks:
            # How long that takes is not known: the bar moves, and is not full.
            bar.update(task, description="writing the report and its PDF", scans=f"of {done} scans", total=None)
            summary.report = report(area, chunks, TaskContext(task_id="report"))
            bar.update(task, description="writing the digest")
            digest(area, TaskContext(task_id="digest"))
            _add_figures(area, chunks, summary)
            summary.batches.append(name)
    counts = reconcile(area, chunks, TaskContext(task_id="reconcile"))
    for outcome in Outcome:
        summary.outcomes[outcome] = summary.outcomes.get(outcome, 0) + int(counts.get(outcome, 0))
    summary.received += counts["received"]
    summary.known = counts["known"] - (summary.received - counts["received"])
    summary.outdated = counts.get("outdated", 0)
    summary.ignored = counts.get("ignored", {})
    summary.unused_masks = [{"path": path, "reason": why} for path, why in counts.get("unused", ())]
    summary.elsewhere, summary.more = counts["elsewhere"], counts["more"]


def _advance(bar: Progress, task: object) -> Callable[[int], None]:
    return lambda count: bar.advance(task, count)  # type: ignore[arg-type]


def _add_figures(area: str, chunks: list[str], summary: RunSummary) -> None:
    """Add the figures of a batch, and the scans that a person should look at."""
    from pipeline.reports.attention import find_concerns
    from pipeline.reports.frames import complete_frame
    from pipeline.reports.language import Language
    from pipeline.reports.statistics import batch_statistics

    batch = load_batch(area)
    full = complete_frame(batch_frame.load_frame(batch, chunks))
    facts = batch_statistics(full)
    for name, found in facts.measured.items():
        summary.metrics[name] = {"median": found.median, "images": found.n}
    for name, (_, telea) in facts.baseline.items():
        summary.metrics[f"telea_{name}"] = {"median": telea.median, "images": telea.n}
    if facts.estimate:
        summary.metrics["estimate_psnr"] = {"median": facts.estimate.median, "images": facts.estimate.n}
    summary.suggested["scans"] += facts.suggestions.images
    summary.suggested["marks"] += facts.suggestions.marks
    for reason, count in facts.suggestions.reasons.items():
        summary.left[reason] = summary.left.get(reason, 0) + count
    for one in find_concerns(full, Language("en")):
        summary.attention.append(
            {"path": one.path, "outcome": str(one.outcome), "reason": one.reason, "problem": one.problem}
        )
    for stage, seconds in batch_frame.summarise_batch(batch).seconds_by_stage.items():
        summary.seconds_by_stage[stage] = round(summary.seconds_by_stage.get(stage, 0.0) + seconds, 2)
