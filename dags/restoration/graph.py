"""The task graph of one collection: receive, then mask → inpaint → measure → publish per chunk, then the reports."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.restoration import retry_state
from dags.restoration.batch_id import batch_name
from dags.restoration.callbacks import callbacks
from dags.restoration.deadline_alert import deadline
from dags.restoration.next_batch import FollowingBatch
from dags.restoration.params import params
from dags.restoration.retry_policy import MOST_TRIES, RETRIES
from dags.restoration.schedule import schedule
from pipeline.stages.order import CHUNK_STAGES, Stage, load_stage

if TYPE_CHECKING:
    from pipeline.settings import Collection
    from pipeline.stages import TaskContext

GPU_POOL = "gpu"
GPU_QUEUE = os.environ.get("RESTORATION_GPU_QUEUE", "gpu")

DOC = """\
Finds the damage on the scans of **{label}**, fills it, and leaves everything else as it is.

|   |   |
|---|---|
| inbox (never written) | `{inbox}` |
| results | `{output}` |
| damage is found by | {detector}, `{level}` |
| damage is filled by | {engine} |
| digest goes to | {recipients} |

*receive* lists the inbox and takes what the ledger does not know as done. Each chunk of scans then goes through
*mask*, *inpaint*, *measure* and *publish*. *report* writes the PDF, *digest* the email, and *reconcile* fails when
a scan of the batch has no outcome. When the inbox holds more than one batch may take, another run follows. Every
task may be cleared and run again at any time: finished work is skipped.
"""


def build(dag_id: str, collection: Collection) -> DAG:
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
        deadline=deadline(collection),
        catchup=False,
        # The night's run and one that the inbox rang for share the work: receive claims what it takes.
        max_active_runs=4,
        params=params(),
        tags=["restoration", collection.name],
        # A chunk goes its whole way before the next one starts: what is upstream must not take every slot.
        default_args={"owner": "restoration", "weight_rule": "upstream", **RETRIES, **callbacks(collection)},
        auto_register=False,
    )
    with dag:
        _graph(dag_id, collection)
    return dag


def _graph(dag_id: str, collection: Collection) -> None:
    """Add the tasks to the current DAG."""

    @task
    def receive() -> list[str]:
        from pipeline.stages.receive import receive

        asked = get_current_context()["params"]
        chunks = receive(
            collection,
            batch=_batch(),
            context=_context(),
            source=asked["source"],
            limit=asked["limit"],
            since=asked["since"],
            redo=asked["redo"],
        )
        return list(chunks)

    @task_group
    def chunk(chunk: str) -> None:
        for stage in CHUNK_STAGES:
            chunk = _stage_task(stage)(chunk)

    # A chunk that failed for good costs its own scans; the others are reported all the same.
    @task(trigger_rule="all_done")
    def report(chunks: list[str] | None) -> str:
        from pipeline.stages.report import report

        if not chunks:
            raise AirflowSkipException("Nothing new in the inbox: no report, no mail")
        return report(_work(collection), chunks, _context())

    @task
    def digest() -> dict[str, Any]:
        from dags.restoration.smtp import channel
        from pipeline.stages.digest import digest

        return digest(_work(collection), _context(), channel=channel())

    # Always, and its state is the run's: a digest that could not be sent fails nothing.
    @task(trigger_rule="all_done")
    def reconcile(chunks: list[str] | None, report_uri: str | None) -> dict[str, Any]:
        from pipeline.stages.reconcile import reconcile

        if chunks is None:
            raise AirflowFailException("receive failed: its log says why, and what to mend")
        counts = reconcile(_work(collection), chunks, _context())
        if chunks and not report_uri:
            raise AirflowFailException("Every scan has its outcome, but the report could not be written: see its log")
        return counts

    chunks = receive()
    restored = chunk.expand(chunk=chunks)
    reported = report(chunks)
    sent = digest()
    following = FollowingBatch(task_id="following_batch", trigger_dag_id=dag_id)
    restored >> reported >> sent >> reconcile(chunks, reported) >> following


def _stage_task(stage: Stage) -> Callable[[str], str]:
    """Return the task of one stage on chunks; inpainting runs on workers with a GPU."""

    @task(task_id=str(stage), **({"pool": GPU_POOL, "queue": GPU_QUEUE} if stage is Stage.INPAINT else {}))
    def run(chunk: str) -> str:
        return load_stage(stage)(chunk, _context())

    return run


def _context() -> TaskContext:
    """Return where this task stands, for logs, sidecars and ledger.

    Raises:
        AirflowFailException: it was killed time and again.
    """
    from pipeline.stages import TaskContext

    context = get_current_context()
    ti, past = context["ti"], retry_state.begin(context)
    if past.killed >= MOST_TRIES:
        retry_state.forget(context)
        raise AirflowFailException(f"killed {past.killed} times without an error: did the machine run out of memory?")
    return TaskContext(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=ti.map_index,
        try_number=ti.try_number,
        memory_ran_out=past.memory + past.killed,
    )


def _batch() -> str:
    """Return the name of this run's batch."""
    run = get_current_context()["dag_run"]
    return batch_name(run.dag_id, run.run_id, run.run_after)


def _work(collection: Collection) -> str:
    from pipeline.stages.batch import work_area

    return work_area(collection.output, _batch())
