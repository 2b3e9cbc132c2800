"""The task graph of one collection: receive, then mask → inpaint → measure → publish per chunk, then the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.restoration import retry_state
from dags.restoration.batch_name import batch_name
from dags.restoration.callbacks import callbacks
from dags.restoration.deadline_alert import deadline_alert
from dags.restoration.next_batch import NextBatchOperator
from dags.restoration.params import params
from dags.restoration.retry_policy import MAX_FAILURES, RETRY_ARGS
from dags.restoration.schedule import schedule
from pipeline.settings import settings
from pipeline.stages.order import CHUNK_STAGES, Stage, load_stage

if TYPE_CHECKING:
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

*receive* lists the inbox and claims the scans that the ledger does not know as done. Each chunk of scans then goes
through *mask*, *inpaint*, *measure* and *publish*. *report* writes the PDF, *digest* sends the email, and *reconcile*
fails when a scan of the batch has no outcome. When the inbox holds more scans than one batch may take,
*following_batch* starts another run. Every task may be cleared and run again at any time: finished work is skipped.
"""


def build_dag(dag_id: str, collection: Collection) -> DAG:
    """Return the DAG of one collection.

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
        tags=["restoration", collection.name],
        # Prefer downstream tasks, so that a chunk finishes before the next starts.
        default_args={"owner": "restoration", "weight_rule": "upstream", **RETRY_ARGS, **callbacks(collection)},
        auto_register=False,
    )
    with dag:
        _add_tasks(dag_id, collection)
    return dag


def _add_tasks(dag_id: str, collection: Collection) -> None:
    """Add the tasks to the current DAG."""

    @task
    def receive() -> list[str]:
        from pipeline.stages.receive import receive

        options = get_current_context()["params"]
        chunks = receive(
            collection,
            batch=_batch(),
            context=_task_context(),
            source=options["source"],
            limit=options["limit"],
            since=options["since"],
            redo=options["redo"],
        )
        return list(chunks)

    @task_group
    def chunk(chunk: str) -> None:
        for stage in CHUNK_STAGES:
            chunk = _stage_task(stage)(chunk)

    # Also when a chunk has failed: only its own scans are missing, the others are reported.
    @task(trigger_rule="all_done")
    def report(chunks: list[str] | None) -> str:
        from pipeline.stages.report import report

        if not chunks:
            raise AirflowSkipException("Nothing new in the inbox: no report, no mail")
        return report(_work_area(collection), chunks, _task_context())

    @task
    def digest() -> dict[str, Any]:
        from dags.restoration.smtp import smtp_channel
        from pipeline.stages.digest import digest

        return digest(_work_area(collection), _task_context(), channel=smtp_channel())

    # Runs in any case and decides the state of the run: a digest that could not be sent fails nothing.
    @task(trigger_rule="all_done")
    def reconcile(chunks: list[str] | None, report_uri: str | None) -> dict[str, Any]:
        from pipeline.stages.reconcile import reconcile

        if chunks is None:
            raise AirflowFailException("receive failed: its log says why, and what to fix")
        counts = reconcile(_work_area(collection), chunks, _task_context())
        if chunks and not report_uri:
            raise AirflowFailException("Every scan has its outcome, but the report could not be written: see its log")
        return counts

    # Airflow types the call of a task by the function's own parameters, although it passes on what tasks return.
    chunks: Any = receive()
    restored = chunk.expand(chunk=chunks)
    reported: Any = report(chunks)
    following = NextBatchOperator(task_id="following_batch", trigger_dag_id=dag_id)
    restored >> reported >> digest() >> reconcile(chunks, reported) >> following


def _stage_task(stage: Stage) -> Any:
    """Return the task of one stage on chunks; inpainting runs on workers with a GPU."""
    workers: dict[str, Any] = {"pool": GPU_POOL, "queue": settings().gpu_queue} if stage is Stage.INPAINT else {}

    @task(task_id=str(stage), **workers)
    def run(chunk: str) -> str:
        return load_stage(stage)(chunk, _task_context())

    return run


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


def _batch() -> str:
    """Return the name of the current run's batch."""
    run = get_current_context()["dag_run"]
    return batch_name(run.dag_id, run.run_id, run.run_after)


def _work_area(collection: Collection) -> str:
    """Return the URI of the current batch's work area."""
    from pipeline.stages.batch import work_area

    return work_area(collection.output, _batch())
