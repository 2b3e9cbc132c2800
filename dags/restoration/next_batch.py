"""The batch after this one, when the inbox holds more than one batch may take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

FOLLOWING = re.compile(r"(?P<first>.+)\.(?P<number>\d+)")


class FollowingBatch(TriggerDagRunOperator):
    """Starts another run of the same DAG when the batch before it left something for it; skipped otherwise.

    However many files are dropped at once, batches stay bounded and follow each other in order.
    """

    def __init__(self, **kwargs: Any) -> None:
        # A second try finds the run that the first has started.
        super().__init__(skip_when_already_exists=True, **kwargs)

    def execute(self, context: Context) -> None:
        """Trigger the run, with the parameters of this one.

        Raises:
            AirflowSkipException: there is nothing more, or a person has asked for just these scans.
        """
        counts = context["ti"].xcom_pull(task_ids="reconcile") or {}
        asked = context["params"]
        if not counts.get("more"):
            raise AirflowSkipException("The inbox holds nothing more")
        if asked["limit"] or asked["redo"]:
            raise AirflowSkipException("More waits in the inbox, but this run was asked for a part only")
        self.conf = {"source": asked["source"], "since": asked["since"]}
        self.trigger_run_id = _following(context["run_id"])
        super().execute(context)


def _following(run_id: str) -> str:
    """Return the id of the run after a run: its own with a number, so that it stays short."""
    found = FOLLOWING.fullmatch(run_id)
    first, number = (found["first"], int(found["number"])) if found else (run_id, 1)
    return f"{first}.{number + 1}"
