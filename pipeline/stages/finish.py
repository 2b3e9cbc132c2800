"""Finish a batch: its report is there and every scan has its outcome, or the task fails and says what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.ledger import TaskContext, batches, claims, events, outcomes
from pipeline.ledger.tables import Batch
from pipeline.stages import catch_up, manifest
from pipeline.stages.batch import BatchContext, InputVanished, load_batch, open_ledger
from pipeline.stages.reconcile import Unreconciled, describe_missing, reconcile
from pipeline.stages.report import FILES
from pipeline.stages.take_over import TakenOver, reclaim

if TYPE_CHECKING:
    from pipeline.digests import Channel


def finish(work_area: str, context: TaskContext | None = None, *, channel: Channel | None = None) -> dict[str, Any]:
    """Return the counts of a batch, see `reconcile`, after checking that it is done.

    When something is missing for the first time, because tasks have failed or somebody has stopped the run, the batch
    stops here and its scans are free. When somebody clears the task after that, the batch is to go on, and what is
    missing is done here: the tasks that should have done it may be marked as skipped.

    Args:
        work_area: URI of the work area.
        channel: sends the digest if that is missing too.

    Raises:
        Unreconciled: a scan has no outcome, or the report is missing.
        TakenOver: another run continues the batch.
        StoreUnavailable: a retry may succeed.
    """
    context = context or TaskContext()
    ledger = open_ledger()
    try:
        batch = load_batch(work_area)
    except InputVanished:
        return reconcile(work_area, context=context)
    with ledger.read() as session:
        row = batches.get(session, batch.collection.name, batch.name)
        # Only of this run: what another run left when it was stopped is no wish to have all done in this task.
        past = [one for one in events.of_batch(session, row.id, "reconcile") if one.run_id == context.run_id]
        stopped_before = any(one.decision == "stopped" for one in past)
    if row.state == batches.BatchState.DONE:
        return reconcile(work_area, context=context)
    if context.run_id and row.run_id not in ("", context.run_id):
        raise TakenOver(f"run {row.run_id} continues batch {row.name}")
    if missing := _missing(batch, row):
        if not stopped_before or row.state == batches.BatchState.RECEIVING:
            _stop(batch, context, missing)
            raise Unreconciled(f"batch {batch.name}: {missing}")
        reclaim(ledger, batch, row)
        catch_up.complete(batch, row, context, channel)
    return reconcile(work_area, context=context)


def _missing(batch: BatchContext, row: Batch) -> str:
    """Return what the batch lacks, in a sentence; empty when it is done."""
    if row.state == batches.BatchState.RECEIVING:
        return "receive has not finished: its log says why; clear it, or start another run"
    received = {scan.scan_id: scan.path for chunk in batch.chunk_uris(row) for scan in manifest.read(chunk)}
    with open_ledger().read() as session:
        found = outcomes.of_scans(session, batch.recipe_digest, list(received))
        reports = events.of_batch(session, row.id, "report")
    if without := [path for scan_id, path in received.items() if scan_id not in found]:
        return describe_missing(row, without)
    if not received:
        return ""
    files = [batch.output_uri("reports", batch.name, name) for name in FILES]
    if not reports or not all(map(storage.exists, files)):
        return "every scan has its outcome, but there is no report; clear reconcile, or start another run"
    if reports[-1].figures.get("unfinished"):
        return "the report was written before every scan had its outcome; clear reconcile, or start another run"
    return ""


def _stop(batch: BatchContext, context: TaskContext, missing: str) -> None:
    """Record that the batch has stopped, and free its scans."""
    with open_ledger().write() as session:
        claims.release(session, batch.batch_id)
        events.append(
            session, batch.batch_id, context, [events.EventRecord(None, "reconcile", "", "stopped", message=missing)]
        )
