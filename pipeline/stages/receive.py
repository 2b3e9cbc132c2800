"""Receiving: what is new in the inbox, taken in order, claimed, and written down in chunks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pipeline import logs, storage
from pipeline.inbox import listing
from pipeline.ledger import TaskContext, batches
from pipeline.ledger.context import host
from pipeline.ledger.tables import Batch
from pipeline.provenance.version import code_version
from pipeline.settings import Collection
from pipeline.stages import models
from pipeline.stages.batch import BatchContext, open_ledger, work_area
from pipeline.stages.cleanup import remove_stale_work_areas
from pipeline.stages.receiver import Receiver

# Airflow maps at most 1024 tasks, and a grid of that many helps nobody.
MOST_CHUNKS = 500

logger = logs.stage_logger("receive")


def receive(
    collection: Collection,
    *,
    batch: str,
    context: TaskContext | None = None,
    source: str | None = None,
    limit: int | None = None,
    since: str | datetime | None = None,
    redo: bool = False,
    owner: str = "",
    most_chunks: int = MOST_CHUNKS,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Return the URIs of the chunks of a new batch, or of the same batch when it was received before.

    Args:
        batch: the batch's name, the same for every try.
        source: folder below the inbox, or a URI, to take scans from in place of the whole inbox.
        limit: scans at most; the collection's `batch_scans` is the limit otherwise.
        since: only files changed at or after this moment (ISO 8601; without a zone, the collection's).
        redo: take also what the ledger knows as done with this recipe.
        owner: name of the only process that works on the batch; see `pipeline.ledger.processes.process_name`.
        most_chunks: of one batch; the rest waits for the next.
        progress: called with 1 for each scan that is taken.

    Raises:
        ConfigurationError, WeightsError: collection, recipe or engine are wrong; nothing was written.
        OutputNotWritable: results could not be written.
        StoreUnavailable: inbox, output or ledger did not answer.
    """
    context = context or TaskContext()
    inbox = listing.open_inbox(collection, source, since)
    digests = models.digests(collection.recipe)
    # In the work area, with which the probe of a try that was killed goes.
    storage.check_writable(work_area(collection.output, batch))
    ledger = open_ledger()
    with ledger.write() as session:
        row = batches.open_batch(
            session,
            collection.name,
            batch,
            {
                "inbox": inbox.root,
                "output": collection.output,
                "recipe": collection.recipe.model_dump(mode="json"),
                "recipe_digest": collection.recipe.digest(digests),
                "engine": str(collection.recipe.engine),
                "engine_digest": digests,
                "code_version": code_version(),
                "dag_id": context.dag_id,
                "run_id": context.run_id,
                "host": host(),
                "owner": owner,
            },
        )
    opened = _batch_context(collection, row)
    if row.state != batches.BatchState.RECEIVING:
        logger.info("batch=%s was received before: %d scans in %d chunks", batch, row.received, row.chunks)
        return [opened.chunk_uri(number, row.attempt) for number in range(1, row.chunks + 1)]
    opened.save()
    remove_stale_work_areas(ledger, opened)
    receiver = Receiver(opened, ledger, context, redo, progress)
    return receiver.run(inbox, min(limit or 10**9, collection.batch_scans), most_chunks)


def _batch_context(collection: Collection, row: Batch) -> BatchContext:
    """Return the batch as its tasks will see it: what the first try wrote counts."""
    return BatchContext(
        uri=work_area(collection.output, row.name),
        collection=collection,
        name=row.name,
        batch_id=row.id,
        inbox=row.inbox,
        recipe_digest=row.recipe_digest,
        engine_digest=row.engine_digest.partition(" ")[0],
        detector_digest=row.engine_digest.partition(" ")[2],
        code_version=row.code_version,
        host=row.host,
        dag_id=row.dag_id,
        run_id=row.run_id,
        started=row.started,
    )
