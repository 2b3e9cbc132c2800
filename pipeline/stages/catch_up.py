"""Do what earlier tasks left undone because they were stopped, skipped or marked as done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import logs, storage
from pipeline.errors import StoreUnavailable
from pipeline.escape import error_line
from pipeline.ledger import TaskContext, batches
from pipeline.ledger.tables import Batch
from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext, InputVanished, find_row
from pipeline.stages.order import CHUNK_STAGES, Stage, load_stage

if TYPE_CHECKING:
    from pipeline.digests import Channel

logger = logs.stage_logger("catch_up")


def run_stage(chunk: str, stage: Stage, context: TaskContext | None = None) -> str:
    """Return the URI of a chunk's manifest after a stage; earlier stages that are missing are run first.

    For a batch that is done it is only the name that the manifest had.

    Args:
        chunk: URI of any manifest of the chunk.

    Raises:
        InputVanished: the batch was given up.
        StoreUnavailable: a retry may succeed.
    """
    target = manifest.sibling(chunk, stage.step)
    missing = [stage]
    while missing[0].previous is not Stage.RECEIVE and not storage.exists(
        manifest.sibling(chunk, missing[0].previous.step)
    ):
        missing.insert(0, missing[0].previous)
    try:
        for each in missing:
            load_stage(each)(chunk, context)
    except InputVanished:
        row = find_row(chunk)
        if row is None or row.state != batches.BatchState.DONE:
            raise
        logger.info("batch=%s stage=%s decision=skip: the batch is done", row.name, stage)
    return target


def complete(batch: BatchContext, row: Batch, context: TaskContext, channel: Channel | None) -> None:
    """Run what is left of a batch: stages on chunks, report, digest.

    Args:
        row: the batch in the ledger.
        channel: sends the digest; a mail that cannot be sent does not hold the batch.

    Raises:
        StoreUnavailable: a retry may succeed.
    """
    from pipeline.stages.digest import digest
    from pipeline.stages.report import report

    chunks = batch.chunk_uris(row)
    for chunk in chunks:
        if not storage.exists(manifest.sibling(chunk, Stage.PUBLISH.step)):
            run_stage(chunk, CHUNK_STAGES[-1], context)
    report(batch.uri, chunks, context)
    try:
        digest(batch.uri, context, channel=channel)
    except StoreUnavailable:
        raise
    except Exception as error:
        logger.warning("batch=%s the digest could not be sent: %s", batch.name, error_line(error))
