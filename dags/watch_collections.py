"""Look at each collection every hour, from outside its runs: a red task names the one in trouble, a mail says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from dags.restoration.factory import all_collections
from dags.restoration.plain_failure import plain
from dags.restoration.telemetry import send_collection

if TYPE_CHECKING:
    from pipeline.settings import Collection

DOC = """\
One task per collection. It fails, and a mail to the collection's recipients says why, when

- its inbox cannot be read, or its queue is not there (once a day while that lasts);
- no new scan has arrived for `silent_days` (once per silence; only where that is set).

A collection that is paused, has no schedule, or whose runs never start is looked at all the same.
"""


def _watch(collection: Collection) -> Any:
    """Return the task that looks at one collection."""

    @task(task_id=collection.name)
    @plain
    def watch() -> str:
        from dags.restoration.smtp import smtp_channel
        from pipeline.stages.watch_collection import watch_collection

        send_collection(collection.name)
        run: Any = get_current_context()["dag_run"]
        return watch_collection(collection, channel=smtp_channel(), dag_id=run.dag_id, run_id=run.run_id)

    return watch()


collections = all_collections()
if collections:
    with DAG(
        "watch_collections",
        dag_display_name="Watch the collections",
        description="Says when an inbox cannot be read, or when nothing arrives any more",
        doc_md=DOC,
        schedule=CronTriggerTimetable("7 * * * *", timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["restoration"],
        default_args={"owner": "restoration", "retries": 0},
    ):
        for one in collections:
            _watch(one)
