"""Read files of collections again on a schedule, compare them with the ledger, and prove that it was not rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dags.restoration.factory import all_collections
from dags.restoration.plain_failure import plain
from dags.restoration.retry_policy import RETRY_ARGS

if TYPE_CHECKING:
    from pipeline.ledger import TaskContext
    from pipeline.settings import Collection

DOC = """\
Reads the files of the collection again, those first that were not read for the longest time, and compares them with
the checksums in the ledger. The task fails, and one mail says what is newly wrong, when a file differs, is missing or
cannot be read. Killed, it goes on where it was. Its extent is `fixity` of the collection.

Beside it, `prove_ledger` proves by the chained checksums of the ledger's events, and by the heads in the reports, that
none was changed, removed or inserted, as `trace --verify` does. It fails, and one mail says what it found.
"""


def _check(collection: Collection) -> Any:
    """Return the task that checks one collection."""

    @task
    @plain
    def check() -> str:
        from dags.restoration.smtp import smtp_channel
        from pipeline.preservation.fixity_notice import FilesChanged, check_collection

        try:
            return check_collection(collection, channel=smtp_channel(), context=_where())
        except FilesChanged as error:
            # A retry would read other files, and could be green.
            raise AirflowFailException(str(error)) from error

    return check()


def _prove(collection: Collection) -> Any:
    """Return the task that proves one collection's chain of events."""

    @task
    @plain
    def prove_ledger() -> str:
        from dags.restoration.smtp import smtp_channel
        from pipeline.preservation.ledger_notice import LedgerChanged, verify_collection

        try:
            return verify_collection(collection, channel=smtp_channel(), context=_where())
        except LedgerChanged as error:
            raise AirflowFailException(str(error)) from error

    return prove_ledger()


def _where() -> TaskContext:
    """Return where this task runs, for the ledger and the mail."""
    from pipeline.ledger import TaskContext

    context = get_current_context()
    run, ti = context["dag_run"], context["ti"]
    return TaskContext(run.dag_id, run.run_id, ti.task_id, -1, ti.try_number or 1)


for one in all_collections():
    if one.fixity is not None:
        with DAG(
            f"fixity_{one.name}",
            dag_display_name=f"Check the files of {one.label}",
            description="Reads masters and results again, compares them with the ledger, and proves the ledger",
            doc_md=DOC,
            schedule=CronTriggerTimetable(one.fixity.schedule, timezone=one.timezone) if one.fixity.schedule else None,
            catchup=False,
            max_active_runs=1,
            is_paused_upon_creation=False,
            tags=["restoration"],
            default_args={"owner": "restoration", **RETRY_ARGS},
        ):
            _check(one)
            _prove(one)
