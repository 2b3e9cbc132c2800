"""A mail when a batch is not done by the collection's `finish_by`."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import AsyncCallback, DeadlineAlert  # type: ignore[attr-defined]  # missing in its stub file
from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_fixed

from dags.restoration.batch_name import batch_name, current_batch
from pipeline.errors import StoreUnavailable

if TYPE_CHECKING:
    from pipeline.settings import Collection

ATTEMPTS = 5
log = logging.getLogger(__name__)


def deadline_alert(collection: Collection) -> DeadlineAlert | None:
    """Return the deadline of a collection's runs, or None where it has none.

    Its callback runs in the triggerer: when a batch is late, its tasks may well occupy all worker slots.
    """
    from finish_by import FinishBy  # plugins/ is on the path wherever Airflow runs

    if collection.finish_by is None:
        return None
    return DeadlineAlert(
        reference=FinishBy(collection.finish_by, collection.timezone),
        interval=timedelta(0),
        callback=AsyncCallback(notify_late, kwargs={"collection": collection.model_dump(mode="json")}),
        name=f"done by {collection.finish_by}",
    )


async def notify_late(collection: dict[str, Any], context: dict[str, Any]) -> str:
    """Return whether the mail about a late run was sent, or why not.

    Args:
        collection: the collection as JSON.
        context: as Airflow gives it to a deadline's callback: `dag_run` and `deadline`, as JSON.
    """
    return await asyncio.to_thread(_notify_late, collection, context)


def _notify_late(document: dict[str, Any], context: dict[str, Any]) -> str:
    from dags.restoration.smtp import smtp_channel
    from pipeline.settings import Collection, settings
    from pipeline.stages.alerts import describe_progress, notify

    collection = Collection.model_validate(document)
    run = context["dag_run"]
    own = run["dag_id"], run["dag_run_id"], datetime.fromisoformat(str(run["run_after"]))
    batch = batch_name(*own)
    try:
        batch = current_batch(*own)
        why = describe_progress(collection, batch)
    except StoreUnavailable as error:
        why = str(error)
    if why is None:
        return "not sent: the batch is done"

    def warn(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("Batch %s is late, and the mail could not be sent: %s", batch, error)

    # Whatever a mail server raises; Airflow does not call a deadline's callback again.
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS), wait=wait_fixed(settings().retry_seconds), before_sleep=warn, reraise=True
    )
    sent = retrying(
        notify,
        collection,
        "late",
        batch,
        why,
        channel=smtp_channel(),
        moment=datetime.fromisoformat(str(context["deadline"]["deadline_time"])),
        dag_id=run["dag_id"],
        run_id=run["dag_run_id"],
        even_without_ledger=True,
    )
    return "sent" if sent else "not sent: it was sent before, or there are no recipients"
