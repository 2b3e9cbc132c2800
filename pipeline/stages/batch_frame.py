"""A batch as a whole: the rows of all its chunks, however far each came, and its summary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from pipeline import storage
from pipeline.ledger import outcomes
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Batch, Event
from pipeline.stages import manifest
from pipeline.stages.alerts import stop_reason
from pipeline.stages.batch import BatchContext, open_ledger
from pipeline.stages.manifest import Row

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.reports import BatchSummary

UNFINISHED = "the run ended before this scan was done; the next run takes it up again"


def chunk_uris(batch: BatchContext, row: Batch) -> list[str]:
    """Return the URIs of a batch's chunks as received."""
    return [batch.chunk_uri(number, row.attempt) for number in range(1, row.chunks + 1)]


def latest_rows(chunk: str) -> Iterator[Row]:
    """Yield a chunk's rows from the last manifest that was written for it."""
    for step in reversed(manifest.STEPS):
        uri = manifest.sibling(chunk, step)
        if step == "received" or storage.exists(uri):
            yield from manifest.read(uri)
            return


def load_frame(batch: BatchContext, chunks: list[str]) -> pd.DataFrame:
    """Return one row per scan of the batch, with the columns of all stages.

    Where the last stage did not come to its end, the ledger says what is done; the rest is told as unfinished.
    """
    import pandas as pd

    names = manifest.columns("published")
    rows: list[Row] = [{name: row.get(name) for name in names} for chunk in chunks for row in latest_rows(chunk)]
    open_rows = [row for row in rows if not row["outcome"]]
    with open_ledger().read() as session:
        recorded = outcomes.of_scans(session, batch.recipe_digest, [row["scan_id"] for row in open_rows])
    why = stop_reason(batch.collection, batch.name) if open_rows else ""
    unfinished = f"{UNFINISHED} ({why})" if why else UNFINISHED
    for row in open_rows:
        done = recorded.get(row["scan_id"])
        if done is not None and done.batch_id == batch.batch_id:
            row.update(outcome=done.outcome, reason=done.reason, message=done.message, **done.figures)
        elif not row["reason"]:
            row.update(outcome="failed", reason="unfinished", message=unfinished)
    return pd.DataFrame(rows, columns=list(names))


def summarise_batch(batch: BatchContext, finished: datetime | None = None) -> BatchSummary:
    """Return what a report says of the batch as a whole.

    Args:
        finished: when its last scan was done; now, if it is not known.
    """
    from pipeline.reports import BatchSummary

    seconds: dict[str, float] = {}
    with open_ledger().read() as session:
        for stage, spent in session.execute(
            select(Event.stage, func.sum(Event.seconds)).where(Event.batch_id == batch.batch_id).group_by(Event.stage)
        ):
            seconds[stage] = float(spent)
        # Of receiving, the whole is told in one event, and each scan's part again in its own.
        whole: Any = session.scalar(
            select(func.max(Event.seconds)).where(
                Event.batch_id == batch.batch_id, Event.stage == "receive", Event.scan_id.is_(None)
            )
        )
    if whole is not None:
        seconds["receive"] = float(whole)
    collection = batch.collection
    return BatchSummary(
        batch=batch.name,
        collection=collection.name,
        started=batch.started,
        finished=finished or now(),
        title=collection.title,
        language=collection.language,
        timezone=collection.timezone,
        dag_id=batch.dag_id,
        run_id=batch.run_id,
        recipe=collection.recipe.model_dump(mode="json"),
        recipe_digest=batch.recipe_digest,
        engine=str(collection.recipe.engine),
        engine_digest=batch.engine_digest,
        code_version=batch.code_version,
        output=collection.output,
        inbox=batch.inbox,
        host=batch.host,
        seconds_by_stage={s: seconds[s] for s in ("receive", "mask", "inpaint", "measure", "publish") if s in seconds},
    )
