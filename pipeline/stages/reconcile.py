"""Reconcile a batch: check that every scan received has exactly one outcome, and finish the batch."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline import logs, storage
from pipeline.errors import FinalError
from pipeline.escape import quoted
from pipeline.ledger import Outcome, TaskContext, batches, claims, events, outcomes
from pipeline.ledger.tables import Batch
from pipeline.provenance.events import EventType
from pipeline.stages import manifest
from pipeline.stages.audit import draw_sample
from pipeline.stages.batch import FOLDER, BatchContext, InputVanished, load_batch, open_ledger
from pipeline.stages.cleanup import remove_temporary_files
from pipeline.stages.iiif import publish_collection

logger = logs.stage_logger("reconcile")


class Unreconciled(FinalError):
    """A batch is not done, because tasks have failed or were stopped. Clear them; finished work is kept."""


def reconcile(work_area: str, chunks: list[str] | None = None, context: TaskContext | None = None) -> dict[str, Any]:
    """Return the count of each outcome, and `received`, `known`, `elsewhere` and `more` of the batch.

    The counts are those of the ledger, not what earlier tasks returned. When every scan has an outcome, the batch is
    marked as done, a sample of its repairs is drawn, its claims are released and its work area is removed.

    Args:
        work_area: URI of the work area.
        chunks: URIs of the batch's chunks; shown by Airflow only, because the ledger knows them.

    Raises:
        Unreconciled: a scan has no outcome. Its claim is released, so that the next run takes it.
        StoreUnavailable: a retry may succeed.
    """
    ledger = open_ledger()
    try:
        batch = load_batch(work_area)
    except InputVanished:
        output, _, name = work_area.rstrip("/").rpartition(f"/{FOLDER}/")
        with ledger.read() as session:
            row = batches.by_output(session, output, name)
        if row is None or row.state != batches.BatchState.DONE:
            raise
        # An attempt killed while it removed the work area may have left a part of it.
        storage.delete_tree(work_area)
        return _counts(row)
    with ledger.read() as session:
        row = batches.get(session, batch.collection.name, batch.name)
    if row.state == batches.BatchState.DONE:
        return _clean_up(batch, row)
    try:
        received = _received(batch, row)
    except FileNotFoundError:
        # Another attempt, taken for dead, has finished meanwhile and is removing the work area.
        with ledger.read() as session:
            row = batches.get(session, batch.collection.name, batch.name)
        if row.state != batches.BatchState.DONE:
            raise
        return _clean_up(batch, row)
    with ledger.read() as session:
        found = outcomes.of_scans(session, batch.recipe_digest, list(received))
    missing = [scan_id for scan_id in received if scan_id not in found]
    counts = Counter(outcome.outcome for outcome in found.values())
    if row.state == batches.BatchState.RECEIVING or missing or len(received) != row.received:
        with ledger.write() as session:
            claims.release(session, batch.batch_id, missing)
        raise Unreconciled(f"batch {batch.name}: {describe_missing(row, [received[one] for one in missing])}")
    tally = {str(outcome): counts.get(outcome, 0) for outcome in Outcome}
    context = context or TaskContext()
    with ledger.write() as session:
        batches.lock(session, batch.batch_id)
        row = batches.get(session, batch.collection.name, batch.name)
        # Another attempt may have been faster: a second sample would ask about others.
        if row.state != batches.BatchState.DONE:
            draw_sample(session, row, batch.collection.audit, context)
            batches.finish(session, batch.batch_id, tally)
            record = events.EventRecord(None, "reconcile", str(EventType.INGESTION_END), "reconciled", figures=tally)
            events.append(session, batch.batch_id, context, [record])
            session.refresh(row)
    counted = _clean_up(batch, row)
    logger.info("batch=%s stage=reconcile %s", batch.name, " ".join(f"{key}={value}" for key, value in counted.items()))
    return counted


def describe_missing(row: Batch, paths: list[str]) -> str:
    """Return a sentence on the scans of a batch that have no outcome."""
    names = ", ".join(map(quoted, paths[:10])) + (", …" if len(paths) > 10 else "")
    return (
        f"{len(paths)} of {row.received} scans received have no outcome ({names}); clear the failed tasks, or start"
        " another run; what is done is kept"
    )


def _clean_up(batch: BatchContext, row: Batch) -> dict[str, Any]:
    """Return the counts of a batch that is done, after removing everything that only it needed."""
    one = batch.collection
    publish_collection(open_ledger(), one.iiif, batch.output.rstrip("/"), one.name, one.label)
    with open_ledger().read() as session:
        alone = batches.is_sole_writer(session, row)
    # The work area last: without it, another attempt would not know what to remove.
    remove_temporary_files(batch, alone=alone)
    storage.delete_tree(batch.uri)
    return _counts(row)


def _received(batch: BatchContext, row: Batch) -> dict[int, str]:
    """Return the paths of a batch's scans by id."""
    return {scan.scan_id: scan.path for chunk in batch.chunk_uris(row) for scan in manifest.read(chunk)}


def _counts(row: Batch) -> dict[str, Any]:
    return {
        **{name: count for name, count in row.counts.items() if name != "backlog"},
        "received": row.received,
        "known": row.known,
        "elsewhere": row.claimed_elsewhere,
        "more": row.more,
    }
