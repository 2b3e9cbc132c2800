"""A mail when a batch is not done by its hour."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import AsyncCallback, DeadlineAlert

from dags.restoration.batch_id import batch_name
from pipeline.errors import StoreUnavailable

if TYPE_CHECKING:
    from pipeline.settings import Collection

TRIES = 5
log = logging.getLogger(__name__)


def deadline(collection: Collection) -> DeadlineAlert | None:
    """Return the deadline of a collection's runs, or None where it has none.

    In the triggerer and not in a worker: when a batch is late, its tasks may well have taken all slots.
    """
    from finish_by import FinishBy  # plugins/ is on the path wherever Airflow runs

    if collection.finish_by is None:
        return None
    return DeadlineAlert(
        reference=FinishBy(collection.finish_by, collection.timezone),
        interval=timedelta(0),
        callback=AsyncCallback(late, kwargs={"collection": collection.model_dump(mode="json")}),
        name=f"done by {collection.finish_by}",
    )


async def late(collection: dict[str, Any], context: dict[str, Any]) -> str:
    """Return what became of the mail about a run that is late."""
    return await asyncio.to_thread(_late, collection, context)


def _late(document: dict[str, Any], context: dict[str, Any]) -> str:
    from dags.restoration.smtp import channel
    from pipeline.settings import Collection, settings
    from pipeline.stages.alerts import describe_progress, notify

    collection = Collection.model_validate(document)
    run = context["dag_run"]
    batch = batch_name(run["dag_id"], run["dag_run_id"], datetime.fromisoformat(str(run["run_after"])))
    try:
        why = describe_progress(collection, batch)
    except StoreUnavailable as error:
        why = str(error)
    if why is None:
        return "It was done before anybody had to be told"
    due = datetime.fromisoformat(str(context["deadline"]["deadline_time"]))
    for left in reversed(range(TRIES)):
        try:
            sent = notify(
                collection,
                "late",
                batch,
                why,
                channel=channel(),
                moment=due,
                dag_id=run["dag_id"],
                run_id=run["dag_run_id"],
                ledger_or_not=True,
            )
        except Exception as error:  # whatever a mail server raises
            if not left:
                raise
            log.warning("Batch %s is late, and the mail could not be sent: %s", batch, error)
            time.sleep(settings().retry_seconds)
        else:
            return "sent" if sent else "not sent: told before, or nobody to send it to"
    raise AssertionError
