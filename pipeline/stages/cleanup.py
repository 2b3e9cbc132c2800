"""Remove what killed and abandoned runs left: temporary files, and work areas that no run will use again."""

from __future__ import annotations

from datetime import timedelta

from pipeline import logs, storage
from pipeline.inbox.listing import DECIDED, RESULT_FOLDERS
from pipeline.ledger import batches, checksums
from pipeline.ledger.database import Ledger
from pipeline.stages.batch import FOLDER, BatchContext, work_area
from pipeline.stages.previews import THUMBS

# Folder of the derivatives that people rejected; nothing in it is ever deleted.
WITHDRAWN = "withdrawn"
FOLDERS = (*RESULT_FOLDERS, WITHDRAWN, DECIDED)
# Seconds after which a temporary file certainly has no writer, even if other runs write to the same folder.
OLD = 3600.0
# A batch without activity for this long is abandoned; until then its tasks may be cleared and continue.
STALE_AFTER = timedelta(days=7)
# A task that outlived its batch may have written into its removed work area: so many recent batches are checked.
RECENT_BATCHES = 3

logger = logs.stage_logger("cleanup")


def remove_temporary_files(batch: BatchContext, *, alone: bool) -> None:
    """Remove temporary files of killed writers from a collection's results.

    Args:
        alone: whether no other run writes there; then all temporary files are removed, else only old ones.
    """
    for folder in (*FOLDERS, THUMBS, FOLDER):
        root = batch.output_uri(folder)
        if storage.exists(root):
            removed = storage.sweep(root, 0.0 if alone else OLD)
            if removed:
                logger.info("removed %d temporary files below %s", removed, root)


def remove_stale_work_areas(ledger: Ledger, batch: BatchContext) -> None:
    """Abandon stale batches, and remove their work areas and those of finished batches that were written to again.

    Args:
        batch: the batch that begins now; it is never stale.
    """
    with ledger.read() as session:
        stale = batches.stale(session, batch.collection.name, STALE_AFTER)
        abandoned = [row for row in stale if row.id != batch.batch_id]
        done = list(batches.recently_finished(session, batch.collection.name, RECENT_BATCHES))
    with ledger.write() as session:
        checksums.prune(session)
    for row in abandoned:
        logger.warning("batch=%s had no activity for %s and is abandoned", row.name, STALE_AFTER)
        with ledger.write() as session:
            batches.abandon(session, row.id)
    for row in (*abandoned, *done):
        area = work_area(row.output, row.name)
        if storage.exists(area):
            storage.delete_tree(area)
