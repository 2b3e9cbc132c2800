"""What is told, and kept, when a task of a batch has to wait or is given up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dags.restoration import retry_state
from dags.restoration.batch_id import batch_name
from pipeline.errors import OutputNotWritable, StoreUnavailable
from pipeline.escape import error_line

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pipeline.settings import Collection

# A store that does not answer is mostly back after a few tries; what must be mended by somebody is told at once.
QUIET_TRIES = 3
# Without these there is no digest that could say why; of the others it does.
TELLING = ("receive", "report")
log = logging.getLogger(__name__)


def callbacks(collection: Collection) -> dict[str, Callable[[Context], None]]:
    """Return the callbacks of every task of a collection."""
    return {
        "on_retry_callback": lambda context: _quietly(_waits, collection, context),
        "on_failure_callback": lambda context: _quietly(_failed, collection, context),
    }


def _quietly(callback: Callable[..., None], collection: Collection, context: Context) -> None:
    """Call back; what goes wrong is logged, for the task's own error is the one that counts."""
    try:
        callback(collection, context)
    except Exception as error:
        log.warning("It could not be told: %s", error_line(error))


def _waits(collection: Collection, context: Context) -> None:
    """Report that the batch waits, and keep its claims, for it will go on."""
    exception = context.get("exception")
    if not isinstance(exception, StoreUnavailable):
        return
    if not isinstance(exception, OutputNotWritable) and retry_state.known(context).waited < QUIET_TRIES:
        return
    _tell(collection, context, "waiting", exception)


def _failed(collection: Collection, context: Context) -> None:
    """Report that the batch has stopped, and why."""
    exception = context.get("exception")
    if isinstance(exception, BaseException) and context["ti"].task_id != "reconcile":
        _tell(collection, context, "stopped", exception)


def _tell(collection: Collection, context: Context, kind: str, exception: BaseException) -> None:
    from dags.restoration.smtp import channel
    from pipeline.stages.alerts import notify, record_unsent, renew_claims

    run: Any = context["dag_run"]
    ti = context["ti"]
    batch = batch_name(run.dag_id, run.run_id, run.run_after)
    why = error_line(exception)
    if kind == "waiting":
        renew_claims(collection, batch)
    if kind == "stopped" and ti.task_id not in TELLING:
        record_unsent(collection, kind, batch, why)
        return
    notify(collection, kind, batch, why, channel=channel(), dag_id=run.dag_id, run_id=run.run_id)
