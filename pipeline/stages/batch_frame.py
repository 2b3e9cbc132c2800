"""A batch as a whole: the rows of all its chunks, at whatever stage each is, and its summary."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.ledger import Outcome, batches, events, outcomes, samples
from pipeline.ledger.rows import now
from pipeline.stages import manifest
from pipeline.stages.alerts import stop_reason
from pipeline.stages.batch import BatchContext, open_ledger
from pipeline.stages.order import CHUNK_STAGES, Stage
from pipeline.stages.scan_row import ScanRow, schema

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.reports import BatchSummary

UNFINISHED_REASON = "unfinished"
UNFINISHED = "the run ended before this scan was done; the next run takes it up again"


def latest_manifest(chunk: str) -> tuple[Stage, list[ScanRow]]:
    """Return the last stage that has written a manifest of a chunk, and its rows."""
    for stage in reversed(CHUNK_STAGES):
        uri = manifest.sibling(chunk, stage.step)
        if storage.exists(uri):
            return stage, manifest.read(uri)
    return Stage.RECEIVE, manifest.read(manifest.sibling(chunk, Stage.RECEIVE.step))


def load_frame(batch: BatchContext, chunks: list[str]) -> pd.DataFrame:
    """Return one row per scan of the batch, with the columns of all stages; those of stages still to come are null.

    Where the last stage did not finish, a scan has the outcome that the ledger knows, or has failed as `unfinished`.
    """
    import pandas as pd

    names = schema(Stage.PUBLISH.step).names
    rows: list[dict[str, Any]] = []
    for chunk in chunks:
        stage, found = latest_manifest(chunk)
        known = set(schema(stage.step).names)
        rows += [{name: getattr(row, name) if name in known else None for name in names} for row in found]
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
            row.update(outcome=str(Outcome.FAILED), reason=UNFINISHED_REASON, message=unfinished)
    return pd.DataFrame(rows, columns=names)


def summarise_batch(batch: BatchContext, finished: datetime | None = None, ledger_head: str = "") -> BatchSummary:
    """Return the facts of the batch as a whole that a report shows.

    Args:
        finished: when its last scan was done; now by default.
        ledger_head: last event of the collection before the report, as `ledger.chain.Head` writes it.
    """
    from pipeline.reports import BatchSummary

    with open_ledger().read() as session:
        seconds = events.work_seconds(session, batch.batch_id)
        left = batches.get(session, batch.collection.name, batch.name).counts
        audit = samples.figures(session, batch.collection.name)
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
        ledger_head=ledger_head,
        engine=str(collection.recipe.engine),
        engine_digest=batch.engine_digest,
        code_version=batch.code_version,
        output=collection.output,
        inbox=batch.inbox,
        host=batch.host,
        outdated=left.get("outdated", 0),
        ignored=sum(left.get("ignored", {}).values()),
        unused=tuple((path, why) for path, why in left.get("unused", ())),
        unused_count=left.get("unused_count", 0),
        audit=audit,
        seconds_by_stage={str(stage): seconds[stage] for stage in Stage if stage in seconds},
    )
