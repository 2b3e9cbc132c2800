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
from pipeline.stages import batch as works
from pipeline.stages import manifest
from pipeline.stages.alerts import why_stopped
from pipeline.stages.batch import Work
from pipeline.stages.manifest import Row

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.reports import BatchSummary

UNFINISHED = "the run ended before this scan was done; the next run takes it up again"


def chunks_of(work: Work, batch: Batch) -> list[str]:
    """Return the URIs of a batch's chunks as received."""
    return [work.chunk(number, batch.attempt) for number in range(1, batch.chunks + 1)]


def furthest(chunk: str) -> Iterator[Row]:
    """Yield a chunk's rows from the last manifest that was written for it."""
    for step in reversed(manifest.STEPS):
        uri = manifest.sibling(chunk, step)
        if step == "received" or storage.exists(uri):
            yield from manifest.read(uri)
            return


def frame(work: Work, chunks: list[str]) -> pd.DataFrame:
    """Return one row per scan of the batch, with the columns of all stages.

    Where the last stage did not come to its end, the ledger says what is done; the rest is told as unfinished.
    """
    import pandas as pd

    names = manifest.columns("published")
    rows: list[Row] = [{name: row.get(name) for name in names} for chunk in chunks for row in furthest(chunk)]
    open_rows = [row for row in rows if not row["outcome"]]
    with works.ledger().read() as session:
        recorded = outcomes.of_scans(session, work.recipe_digest, [row["scan_id"] for row in open_rows])
    why = why_stopped(work.collection, work.batch) if open_rows else ""
    unfinished = f"{UNFINISHED} ({why})" if why else UNFINISHED
    for row in open_rows:
        done = recorded.get(row["scan_id"])
        if done is not None and done.batch_id == work.batch_id:
            row.update(outcome=done.outcome, reason=done.reason, message=done.message, **done.figures)
        elif not row["reason"]:
            row.update(outcome="failed", reason="unfinished", message=unfinished)
    return pd.DataFrame(rows, columns=list(names))


def summary(work: Work, finished: datetime | None = None) -> BatchSummary:
    """Return what a report says of the batch as a whole.

    Args:
        finished: when its last scan was done; now, if it is not known.
    """
    from pipeline.reports import BatchSummary

    seconds: dict[str, float] = {}
    with works.ledger().read() as session:
        for stage, spent in session.execute(
            select(Event.stage, func.sum(Event.seconds)).where(Event.batch_id == work.batch_id).group_by(Event.stage)
        ):
            seconds[stage] = float(spent)
        # Of receiving, the whole is told in one event, and each scan's part again in its own.
        whole: Any = session.scalar(
            select(func.max(Event.seconds)).where(
                Event.batch_id == work.batch_id, Event.stage == "receive", Event.scan_id.is_(None)
            )
        )
    if whole is not None:
        seconds["receive"] = float(whole)
    collection = work.collection
    return BatchSummary(
        batch=work.batch,
        collection=collection.name,
        started=work.started,
        finished=finished or now(),
        title=collection.title,
        language=collection.language,
        timezone=collection.timezone,
        dag_id=work.dag_id,
        run_id=work.run_id,
        recipe=collection.recipe.model_dump(mode="json"),
        recipe_digest=work.recipe_digest,
        engine=str(collection.recipe.engine),
        engine_digest=work.engine_digest,
        code_version=work.code_version,
        output=collection.output,
        inbox=work.inbox,
        host=work.host,
        seconds_by_stage={s: seconds[s] for s in ("receive", "mask", "inpaint", "measure", "publish") if s in seconds},
    )
