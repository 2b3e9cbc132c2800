"""Continue the batch of a run that ended before the batch was done."""

from __future__ import annotations

from collections.abc import Callable

from pipeline import logs, storage
from pipeline.errors import FinalError
from pipeline.ledger import TaskContext, batches, claims, events, outcomes
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch
from pipeline.settings import Collection
from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext, work_area

RunIsActive = Callable[[str, str], bool]
"""Tells for a DAG id and a run id whether the run is queued or running."""

logger = logs.stage_logger("receive")


class TakenOver(FinalError):
    """Another run continues the batch of this one."""


def continued_batch(
    ledger: Ledger, collection: Collection, name: str, context: TaskContext, recipe_digest: str, active: RunIsActive
) -> Batch | None:
    """Return the batch that a run works on already, or that it continues; None when it begins its own.

    Batches of runs that have ended are taken over by the next run, the oldest first. One that cannot be continued is
    abandoned, and its scans are free: its recipe, inbox or output has changed, its chunks are not known, its work area
    is gone, or it has had its report, so that another one tells of the rest.

    Args:
        name: of the batch that belongs to the run.
        context: the task; its run is the one that takes over.
        recipe_digest: of the recipe as it is now.

    Raises:
        TakenOver: another run continues the batch of this one.
    """
    with ledger.read() as session:
        mine = batches.of_run(session, context.dag_id, context.run_id)
        own = batches.find(session, collection.name, name)
        left = [row for row in batches.unfinished(session, collection.name) if row.run_id]
    if mine is not None and mine.state != batches.BatchState.ABANDONED:
        return mine
    if own is not None and mine is None:
        if own.state == batches.BatchState.DONE:
            return own
        if own.state in batches.UNFINISHED and active(own.dag_id, own.run_id):
            raise TakenOver(f"run {own.run_id} continues batch {name}: nothing is left for this run")
    for row in left:
        if active(row.dag_id, row.run_id):
            continue
        if _can_continue(ledger, collection, row, recipe_digest):
            with ledger.write() as session:
                handed = batches.hand_over(session, row, context)
                mine = batches.get(session, collection.name, row.name)
            if handed:
                logger.warning("batch=%s is continued: run %s ended before it was done", row.name, row.run_id)
                BatchContext.of(collection, mine).save()
                return mine
            continue
        logger.warning("batch=%s is abandoned and its scans are free: run %s ended", row.name, row.run_id)
        with ledger.write() as session:
            batches.abandon(session, row.id)
    return None


def reclaim(ledger: Ledger, batch: BatchContext, row: Batch) -> None:
    """Claim the scans of a batch that have no outcome yet; its run may have lost them when it ended."""
    scan_ids = [scan.scan_id for chunk in batch.chunk_uris(row) for scan in manifest.read(chunk)]
    with ledger.write() as session:
        done = outcomes.of_scans(session, batch.recipe_digest, scan_ids)
        open_ids = [one for one in scan_ids if one not in done or done[one].batch_id != batch.batch_id]
        claims.take(session, batch.batch_id, batch.recipe_digest, open_ids)


def _can_continue(ledger: Ledger, collection: Collection, row: Batch, recipe_digest: str) -> bool:
    """Return whether a batch can be continued with the collection as it is now."""
    if row.state != batches.BatchState.RUNNING or row.recipe_digest != recipe_digest:
        return False
    if row.output != collection.output or not storage.overlap(row.inbox, collection.inbox):
        return False
    with ledger.read() as session:
        reported = bool(events.of_batch(session, row.id, "report"))
    return not reported and storage.exists(storage.join(work_area(row.output, row.name), "batch.json"))
