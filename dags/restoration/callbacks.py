"""Failure and retry callbacks: notify once, renew the batch's claims."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dags.restoration import retry_state
from dags.restoration.batch_name import current_batch
from dags.restoration.plain_failure import cause
from pipeline.errors import OutputNotWritable, StoreUnavailable
from pipeline.escape import error_line

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pipeline.settings import Collection

# A store that does not answer is usually back after a few retries; an output that is not writable needs a person now.
RETRIES_BEFORE_NOTICE = 3
# When one of these fails there is no digest to say why; for the other tasks the digest does.
TASKS_BEFORE_DIGEST = ("receive", "report")
log = logging.getLogger(__name__)


def callbacks(collection: Collection) -> dict[str, Callable[[Context], None]]:
    """Return the callbacks of every task of a collection."""
    return {
        "on_retry_callback": lambda context: _log_errors(_on_retry, collection, context),
        "on_failure_callback": lambda context: _log_errors(_on_failure, collection, context),
    }


def _log_errors(callback: Callable[[Collection, Context], None], collection: Collection, context: Context) -> None:
    """Call back; an error in a callback is only logged, so that it does not hide the task's own."""
    try:
        callback(collection, context)
    except Exception as error:
        log.warning("The notice could not be sent: %s", error_line(error))


def _on_retry(collection: Collection, context: Context) -> None:
    """Say that the batch waits, and renew its claims, because it will continue."""
    exception = _exception(context)
    if not isinstance(exception, StoreUnavailable):
        return
    if not isinstance(exception, OutputNotWritable) and retry_state.load(context).waits < RETRIES_BEFORE_NOTICE:
        return
    _notify(collection, context, "waiting", exception)


def _on_failure(collection: Collection, context: Context) -> None:
    """Say that the batch has stopped, and why."""
    exception = _exception(context)
    if exception is not None and context["ti"].task_id != "reconcile":
        _notify(collection, context, "stopped", exception)


def _exception(context: Context) -> BaseException | None:
    """Return what ended the attempt."""
    found = context.get("exception")
    return cause(found) if isinstance(found, BaseException) else None


def _notify(collection: Collection, context: Context, kind: str, exception: BaseException) -> None:
    from dags.restoration.smtp import smtp_channel
    from pipeline.stages.alerts import notify, record_unsent, renew_claims

    run: Any = context["dag_run"]
    ti = context["ti"]
    batch = current_batch(run.dag_id, run.run_id, run.run_after)
    why = error_line(exception)
    if kind == "waiting":
        renew_claims(collection, batch)
    if kind == "stopped" and ti.task_id not in TASKS_BEFORE_DIGEST:
        record_unsent(collection, kind, batch, why)
        return
    notify(collection, kind, batch, why, channel=smtp_channel(), dag_id=run.dag_id, run_id=run.run_id)
