"""Keep a run from being a success while its batch is unfinished, whatever was marked as done by hand."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

PREFIX = "restore_"
log = logging.getLogger(__name__)


class UnfinishedRuns:
    """Listens for runs that become a success, by their tasks or by hand."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Make the run a failed one if the ledger knows its batch as unfinished, and say why in its note."""
        # Somebody may mark a run as a success while its last task is still to come: that task decides.
        if not dag_run.dag_id.startswith(PREFIX) or dag_run.state != "success":
            return
        try:
            why = unfinished(dag_run.dag_id, dag_run.run_id)
        except Exception as error:  # the scheduler goes on; the last task of a run checks the same
            log.warning("Run %s of %s could not be checked: %s", dag_run.run_id, dag_run.dag_id, error)
            return
        if why:
            from airflow.utils.state import DagRunState

            log.warning("Run %s of %s is not done: %s", dag_run.run_id, dag_run.dag_id, why)
            dag_run.set_state(DagRunState.FAILED)
            dag_run.note = (why, None)


def unfinished(dag_id: str, run_id: str) -> str:
    """Return why the batch of a run is not done, in a sentence; empty when it is, or where there is none.

    Raises:
        StoreUnavailable: the ledger did not answer.
    """
    from pipeline.ledger import batches
    from pipeline.ledger.migrate import shared_ledger
    from pipeline.settings import settings

    with shared_ledger(settings().ledger_url).read() as session:
        batch = batches.of_run(session, dag_id, run_id)
        if batch is None or batch.state not in batches.UNFINISHED:
            return ""
        done = batches.count_outcomes(session, batch.id)
    return (
        f"Batch {batch.name} is not done: {done} of {batch.received} scans have an outcome, and the report may be"
        " missing. Clear the run or start another: what is left is done then."
    )


class UnfinishedRunsPlugin(AirflowPlugin):
    """Registers the listener with scheduler and API server."""

    name = "unfinished_runs"
    # Airflow declares an attribute of instances, but reads it from the class.
    listeners: ClassVar[list[Any]] = [UnfinishedRuns()]  # type: ignore[misc]
