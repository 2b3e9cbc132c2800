"""Start the next batch when the inbox holds more than one batch may take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

NUMBERED_RUN = re.compile(r"(?P<first>.+)\.(?P<number>\d+)")


class NextBatchOperator(TriggerDagRunOperator):
    """Starts another run of the same DAG when this batch left scans in the inbox; skipped otherwise.

    However many files are dropped together, batches stay bounded and run one after the other.
    """

    def __init__(self, **kwargs: Any) -> None:
        # A retry finds the run that the first attempt has started.
        super().__init__(skip_when_already_exists=True, **kwargs)

    def execute(self, context: Context) -> None:
        """Trigger the run, with the parameters of this one.

        Raises:
            AirflowSkipException: nothing is left, or this run was asked to take only a part.
        """
        counts = context["ti"].xcom_pull(task_ids="reconcile") or {}
        params = context["params"]
        if not counts.get("more"):
            raise AirflowSkipException("The inbox holds nothing more")
        if params["limit"] or params["redo"]:
            raise AirflowSkipException("The inbox holds more, but this run was asked to take only a part")
        self.conf = {"source": params["source"], "since": params["since"]}
        self.trigger_run_id = _next_run_id(context["run_id"])
        super().execute(context)


def _next_run_id(run_id: str) -> str:
    """Return the id of the run after a run: `x` is followed by `x.2`, and that by `x.3`."""
    found = NUMBERED_RUN.fullmatch(run_id)
    first, number = (found["first"], int(found["number"])) if found else (run_id, 1)
    return f"{first}.{number + 1}"
