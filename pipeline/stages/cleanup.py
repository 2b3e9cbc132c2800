"""Clearing what killed and forgotten runs left: temporary files, work areas that nobody comes back to."""

from __future__ import annotations

from datetime import timedelta

from pipeline import logs, storage
from pipeline.ledger import batches, checksums
from pipeline.ledger.database import Ledger
from pipeline.stages.batch import BatchContext, work_area

FOLDERS = ("restored", "masks", "suggestions", "sidecars", "quarantine", "reports")
# Seconds after which a temporary file has surely no writer, while other runs may be writing to the same place.
OLD = 3600.0
# A run that was silent for so long is not taken up again; until then its tasks may be cleared and go on.
STALE_AFTER = timedelta(days=7)
# A task that outlived its batch may have put files into a work area after it was removed: the last few are looked at.
LATELY = 3

logger = logs.stage_logger("tidy")


def remove_temporary_files(batch: BatchContext, *, alone: bool) -> None:
    """Remove temporary files that killed writers left among a collection's results.

    Args:
        alone: whether no other run writes there; a task of this batch that was thought dead may lose its file.
    """
    for folder in FOLDERS:
        root = batch.output_uri(folder)
        if storage.exists(root):
            swept = storage.sweep(root, 0.0 if alone else OLD)
            if swept:
                logger.info("removed %d temporary files below %s", swept, root)


def remove_stale_work_areas(ledger: Ledger, batch: BatchContext) -> None:
    """Remove the work areas of finished batches that came back, and of batches that nobody will finish.

    Args:
        batch: the batch that is beginning.
    """
    with ledger.read() as session:
        silent = batches.stale(session, batch.collection.name, STALE_AFTER)
        given_up = [row for row in silent if row.id != batch.batch_id]
        done = list(batches.recently_finished(session, batch.collection.name, LATELY))
    with ledger.write() as session:
        checksums.prune(session)
    for row in given_up:
        logger.warning("batch=%s was silent for %s and is given up", row.name, STALE_AFTER)
        with ledger.write() as session:
            batches.abandon(session, row.id)
    for row in (*given_up, *done):
        area = work_area(row.output, row.name)
        if storage.exists(area):
            storage.delete_tree(area)
