"""Write the report of a batch: PDF for people, Parquet and CSV for programs."""

from __future__ import annotations

import time

from pipeline import logs, storage
from pipeline.ledger import TaskContext, batches, chain, events
from pipeline.stages import batch_frame, previews
from pipeline.stages.batch import InputVanished, find_row, load_batch, open_ledger
from pipeline.stages.ledger_witness import LEDGER_HEAD, witness_bytes
from pipeline.stages.tempdir import temporary_folder

FILES = ("report.parquet", "report.csv", "report.pdf")
logger = logs.stage_logger("report")


def report(work_area: str, chunks: list[str] | None = None, context: TaskContext | None = None) -> str:
    """Return the URI of `<output>/reports/<batch>/` with the report's files, each written whole.

    Args:
        work_area: URI of the work area.
        chunks: URIs of the batch's chunks; by default those that the ledger knows. An unfinished chunk is reported
            with what its last finished stage found.

    Raises:
        StoreUnavailable: a retry may succeed.
        ConfigurationError: a library that makes the PDF is not installed.
    """
    from pipeline.reports import write_report

    started = time.perf_counter()
    try:
        batch = load_batch(work_area)
    except InputVanished:
        row = find_row(work_area)
        if row is None or row.state != batches.BatchState.DONE:
            raise
        logger.info("batch=%s stage=report decision=skip: the batch is done", row.name)
        return storage.join(row.output, "reports", row.name)
    ledger = open_ledger()
    if chunks is None:
        with ledger.read() as session:
            chunks = batch.chunk_uris(batches.get(session, batch.collection.name, batch.name))
    frame = batch_frame.load_frame(batch, chunks)
    with ledger.read() as session:
        head = chain.head(session, batch.collection.name)
    summary = batch_frame.summarise_batch(batch, ledger_head=str(head))
    target = batch.output_uri("reports", batch.name)
    with temporary_folder() as folder:
        write_report(frame, summary, previews.preview_reader(batch), folder)
        for name in FILES:
            storage.write_file(storage.join(target, name), folder / name)
    storage.write_bytes(storage.join(target, LEDGER_HEAD), witness_bytes(head, batch.name))
    seconds = time.perf_counter() - started
    with ledger.write() as session:
        unfinished = int((frame["reason"] == batch_frame.UNFINISHED_REASON).sum())
        figures = {"scans": len(frame), "unfinished": unfinished, "ledger_head": str(head)}
        record = events.EventRecord(
            None, "report", decision="written", figures=figures, seconds=seconds, at=summary.finished
        )
        events.append(session, batch.batch_id, context or TaskContext(), [record])
    logger.info("batch=%s stage=report scans=%d report=%s seconds=%.3f", batch.name, len(frame), target, seconds)
    return target
