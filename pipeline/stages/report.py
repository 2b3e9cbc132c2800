"""The report of a batch: PDF for people, Parquet and CSV for programs."""

from __future__ import annotations

import time

from pipeline import storage
from pipeline.ledger import TaskContext, batches, events
from pipeline.stages import gather, log, previews
from pipeline.stages import work as works
from pipeline.stages.scratch import scratch

FILES = ("report.parquet", "report.csv", "report.pdf")
logger = log.logger("report")


def report(work: str, chunks: list[str] | None = None, context: TaskContext | None = None) -> str:
    """Returns the URI of `<output>/reports/<batch>/` with the report's files, each written whole.

    Args:
        work: URI of the work area.
        chunks: of the batch; those that the ledger knows, if None. A chunk that did not come to its end is reported
            as far as it came.

    Raises:
        StoreUnavailable: try again.
        ConfigurationError: what makes the PDF is not installed.
    """
    from pipeline.reports import write_report

    started = time.perf_counter()
    batch = works.load(work)
    ledger = works.ledger()
    if chunks is None:
        with ledger.read() as session:
            chunks = gather.chunks_of(batch, batches.get(session, batch.collection.name, batch.batch))
    frame = gather.frame(batch, chunks)
    summary = gather.summary(batch)
    target = batch.result("reports", batch.batch)
    with scratch() as folder:
        write_report(frame, summary, previews.reader(batch), folder)
        for name in FILES:
            storage.write_file(storage.join(target, name), folder / name)
    seconds = time.perf_counter() - started
    with ledger.write() as session:
        happening = events.Happening(
            None, "report", decision="written", figures={"scans": len(frame)}, seconds=seconds, at=summary.finished
        )
        events.append(session, batch.batch_id, context or TaskContext(), [happening])
    logger.info("batch=%s stage=report scans=%d report=%s seconds=%.3f", batch.batch, len(frame), target, seconds)
    return target
