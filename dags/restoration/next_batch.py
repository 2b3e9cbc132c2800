"""Start the next batch when the inbox holds more than this run has taken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

from dags.restoration.batch_name import batch_name

if TYPE_CHECKING:
    from airflow.sdk import Context

NUMBERED_RUN = re.compile(r"(?P<first>.+)\.(?P<number>\d+)")


class NextBatchOperator(TriggerDagRunOperator):
    """Starts another run of the same DAG when this one has left scans in the inbox; skipped otherwise.

    However many files are dropped together, batches stay bounded and run one after the other. A run that has continued
    the batch of an ended one has taken nothing new, so another follows with the parameters of this one.
    """

    def __init__(self, **kwargs: Any) -> None:
        # A retry finds the run that the first attempt has started.
        super().__init__(skip_when_already_exists=True, **kwargs)

    def execute(self, context: Context) -> None:
        """Trigger the run.

        Raises:
            AirflowSkipException: nothing is left, the batch has no report, or this run was asked to take only a part.
        """
        from pipeline.ledger import batches
        from pipeline.stages.batch import open_ledger

        if not context["ti"].xcom_pull(task_ids="report"):
            raise AirflowSkipException("This run has no report: nothing was new, or a task has failed")
        run: Any = context["dag_run"]
        with open_ledger().read() as session:
            batch = batches.of_run(session, run.dag_id, run.run_id)
        params = dict(context["params"])
        if batch is not None and batch.name != batch_name(run.dag_id, run.run_id, run.run_after):
            self.conf = params
        elif batch is None or not batch.more:
            raise AirflowSkipException("The inbox holds nothing more")
        elif params["limit"] or params["redo"]:
            raise AirflowSkipException("The inbox holds more, but this run was asked to take only a part")
        else:
            self.conf = {"source": params["source"], "since": params["since"]}
        self.trigger_run_id = _next_run_id(context["run_id"])
        super().execute(context)


def _next_run_id(run_id: str) -> str:
    """Return the id of the run after a run: `x` is followed by `x.2`, and that by `x.3`."""
    found = NUMBERED_RUN.fullmatch(run_id)
    first, number = (found["first"], int(found["number"])) if found else (run_id, 1)
    return f"{first}.{number + 1}"
