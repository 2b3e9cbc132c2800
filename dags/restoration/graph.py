"""The task graph of one collection: receive, then mask → inpaint → measure → publish per chunk, then the reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.restoration import retry_state
from dags.restoration.batch_name import batch_name, current_batch
from dags.restoration.callbacks import callbacks
from dags.restoration.deadline_alert import deadline_alert
from dags.restoration.next_batch import NextBatchOperator
from dags.restoration.params import params
from dags.restoration.plain_failure import plain
from dags.restoration.retry_policy import MAX_FAILURES, RETRY_ARGS
from dags.restoration.schedule import schedule
from dags.restoration.telemetry import send_collection, send_stage
from pipeline.errors import StoreUnavailable
from pipeline.settings import settings
from pipeline.stages.order import CHUNK_STAGES, Stage

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pipeline.settings import Collection
    from pipeline.stages import TaskContext

GPU_POOL = "gpu"

DOC = """\
Finds the damage on the scans of **{label}** and fills it; every other pixel stays as it is.

|   |   |
|---|---|
| inbox (never written) | `{inbox}` |
| results | `{output}` |
| detector and level | {detector}, `{level}` |
| engine | {engine} |
| recipients of the digest | {recipients} |

*receive* lists the inbox and claims the scans that the ledger does not know as done; a batch whose run has ended before
it was done is continued first. Each chunk of scans then goes through *mask*, *inpaint*, *measure* and *publish*.
*report* writes the PDF, *digest* sends the email, and *following_batch* starts another run when the inbox holds more
scans. *reconcile* runs in any case, also when the run is marked as failed or as a success: the run is a success only
when every scan of the batch has its outcome and the report is there. Every task may be cleared and run again at any
time: finished work is skipped.
"""


def build_dag(dag_id: str, collection: Collection, *, before_task: Callable[[Context], None] | None = None) -> DAG:
    """Return the DAG of one collection.

    Args:
        before_task: called in every task before it does anything.

    Raises:
        AirflowTimetableInvalid: the schedule is not a cron expression.
    """
    recipe = collection.recipe
    dag = DAG(
        dag_id,
        dag_display_name=f"Restore {collection.label}",
        description=f"Restores the scans in {collection.inbox}",
        doc_md=DOC.format(
            label=collection.label,
            inbox=collection.inbox,
            output=collection.output,
            detector=recipe.detector.value,
            level=recipe.level.value,
            engine=recipe.engine.value,
            recipients=", ".join(collection.recipients) or "nobody",
        ),
        schedule=schedule(collection),
        deadline=deadline_alert(collection),
        catchup=False,
        # A scheduled run and one that the inbox started share the work: receive claims what it takes.
        max_active_runs=4,
        params=params(),
        tags=["restoration", collection.name, *_schedule_tag(collection)],
        is_paused_upon_creation=settings().start_paused,
        # Prefer downstream tasks, so that a chunk finishes before the next starts.
        default_args={
            "owner": "restoration",
            "weight_rule": "upstream",
            "pre_execute": before_task,
            **RETRY_ARGS,
            **callbacks(collection),
        },
        auto_register=False,
    )
    with dag:
        _add_tasks(dag_id, collection)
    return dag


def _schedule_tag(collection: Collection) -> list[str]:
    """Return the schedule with its time zone: the list of DAGs shows no zone, and no schedule of a watched inbox."""
    return [f"{collection.schedule} {collection.timezone}"] if collection.schedule else []


def _add_tasks(dag_id: str, collection: Collection) -> None:
    """Add the tasks to the current DAG."""

    @task
    @plain
    def receive() -> list[str]:
        from pipeline.stages.receive import receive

        options = get_current_context()["params"]
        chunks = receive(
            collection,
            batch=batch_name(*_run()),
            context=_task_context(),
            source=options["source"],
            limit=options["limit"],
            since=options["since"],
            redo=options["redo"],
            run_is_active=_run_is_active,
        )
        return list(chunks)

    @task_group
    def chunk(chunk: str) -> None:
        # Every stage is given the chunk itself, because an earlier task may be marked as done without having run.
        tasks = [_stage_task(stage, collection.name)(chunk) for stage in CHUNK_STAGES]
        for earlier, later in pairwise(tasks):
            earlier >> later

    # Also when a chunk has failed: only its own scans are missing, the others are reported.
    @task(trigger_rule="all_done")
    @plain
    def report(chunks: list[str] | None) -> str:
        from pipeline.stages.report import report

        if chunks is None:
            raise AirflowSkipException("receive has failed or was stopped: its log says why")
        if not chunks:
            raise AirflowSkipException("Nothing new in the inbox: no report, no mail")
        return report(_work_area(collection), chunks, _task_context())

    @task
    @plain
    def digest() -> dict[str, Any]:
        from dags.restoration.smtp import smtp_channel
        from pipeline.stages.digest import digest

        return digest(_work_area(collection), _task_context(), channel=smtp_channel(), recipients=collection.recipients)

    @task
    @plain
    def reconcile(chunks: list[str] | None, report_uri: str | None) -> dict[str, Any]:
        from dags.restoration.smtp import smtp_channel
        from pipeline.stages.batch import InputVanished
        from pipeline.stages.finish import finish

        try:
            counts = finish(_work_area(collection), _task_context(), channel=smtp_channel())
        except InputVanished as error:
            if chunks is not None:
                raise
            raise AirflowFailException("receive has failed or was stopped: its log says why") from error
        except StoreUnavailable as error:
            # Nobody who stops a run wants it to wait for its storage.
            if report_uri is None and _was_stopped():
                raise AirflowFailException(f"The run was stopped, and its storage does not answer: {error}") from error
            raise
        send_collection(collection.name)
        return counts

    # Airflow types the call of a task by the function's own parameters, although it passes on what tasks return.
    chunks: Any = receive()
    restored = chunk.expand(chunk=chunks)
    reported: Any = report(chunks)
    following = NextBatchOperator(task_id="following_batch", trigger_dag_id=dag_id, trigger_rule="all_done")
    # The last task decides the state of the run: a digest that could not be sent fails nothing. It is a teardown,
    # because that is what Airflow runs even after somebody has marked the run as failed or as a success.
    last: Any = reconcile(chunks, reported).as_teardown(on_failure_fail_dagrun=True)
    restored >> reported >> [digest(), following] >> last


def _stage_task(stage: Stage, collection: str) -> Any:
    """Return the task of one stage on chunks; inpainting runs on workers with a GPU."""
    workers: dict[str, Any] = _gpu_workers() if stage is Stage.INPAINT else {}

    @task(task_id=str(stage), **workers)
    @plain
    def run(chunk: str) -> str:
        from pipeline.stages.catch_up import run_stage

        done = run_stage(chunk, stage, _task_context())
        send_stage(collection, stage, done)
        return done

    return run


def _gpu_workers() -> dict[str, Any]:
    """Return the arguments of a task that runs on workers with a GPU, which may have an executor of their own."""
    executor = {"executor": settings().gpu_executor} if settings().gpu_executor else {}
    return {"pool": GPU_POOL, "queue": settings().gpu_queue, **executor}


def _run_is_active(dag_id: str, run_id: str) -> bool:
    """Return whether a run is queued or running; one that was deleted is not."""
    ti: Any = get_current_context()["ti"]
    return bool(ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"]))


def _was_stopped() -> bool:
    """Return whether the run was marked as failed or as a success, which marks all tasks still to come as skipped."""
    ti: Any = get_current_context()["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return bool(ti.try_number == 1 and states.get("digest") == "skipped")


def _task_context() -> TaskContext:
    """Return the current task for logs, sidecars and ledger.

    Raises:
        AirflowFailException: the task was killed too often.
    """
    from pipeline.stages import TaskContext

    context = get_current_context()
    ti, state = context["ti"], retry_state.count_attempt(context)
    if state.killed >= MAX_FAILURES:
        retry_state.reset(context)
        raise AirflowFailException(f"killed {state.killed} times without an error: did the machine run out of memory?")
    return TaskContext(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        try_number=ti.try_number,
        memory_ran_out=state.memory_errors + state.killed,
    )


def _run() -> tuple[str, str, datetime]:
    """Return DAG id, run id and time of the current run."""
    run: Any = get_current_context()["dag_run"]
    return run.dag_id, run.run_id, run.run_after


def _work_area(collection: Collection) -> str:
    """Return the URI of the current batch's work area."""
    from pipeline.stages.batch import work_area

    return work_area(collection.output, current_batch(*_run()))
