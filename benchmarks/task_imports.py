"""What the tasks of a run spend before they work: `scripts/with-airflow python -m benchmarks.task_imports`.

Forks a process for each task from one like the scheduler, and from one that has imported `dags/restoration/preload.py`,
and measures the processor seconds of reading the DAG file and of all imports that the task makes. Either parent is a
process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, Section, publish

ROOT = Path(__file__).parents[1]
STAGE = "pipeline.stages"
SCHEDULER = ("airflow.jobs.scheduler_job_runner", "airflow.executors.local_executor",
             "airflow.sdk.execution_time.supervisor")  # fmt: skip
WARM = ("dags.restoration.preload",)
TASKS = {
    "receive": (f"{STAGE}.receive",),
    "mask": (f"{STAGE}.catch_up", f"{STAGE}.mask"),
    "inpaint": (f"{STAGE}.catch_up", f"{STAGE}.inpaint", "openvino", "torch"),
    "measure": (f"{STAGE}.catch_up", f"{STAGE}.measure"),
    "publish": (f"{STAGE}.catch_up", f"{STAGE}.publish"),
    "report": (f"{STAGE}.report", "pipeline.reports.write", "pandas", "matplotlib.figure", "weasyprint"),
    "digest": ("dags.restoration.smtp", f"{STAGE}.digest", "pipeline.digests"),
    "following_batch": (f"{STAGE}.batch",),
    "reconcile": ("dags.restoration.smtp", f"{STAGE}.finish"),
}


def measure_parent(modules: Sequence[str]) -> dict[str, float]:
    """Return the processor seconds of this process's imports, and of each task that is forked from it."""
    started = time.process_time()
    for name in modules:
        import_module(name)
    if modules is SCHEDULER:
        from airflow.listeners.listener import get_listener_manager  # noqa: TID251

        get_listener_manager()
    found = {"the process itself": time.process_time() - started}
    for task, needed in TASKS.items():
        reading, writing = os.pipe()
        if not os.fork():
            os.write(writing, str(_start_task(needed)).encode())
            os._exit(0)
        os.wait()
        found[task] = float(os.read(reading, 64))
    return found


def _start_task(modules: Sequence[str]) -> float:
    """Return the processor seconds of what Airflow does before a task, and of the task's imports."""
    started = time.process_time()
    import_module("airflow.sdk.execution_time.task_runner")
    from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: TID251
    from airflow.dag_processing.dagbag import BundleDagBag  # noqa: TID251
    from airflow.sdk.listener import get_listener_manager  # noqa: TID251

    get_listener_manager()
    bundle = DagBundlesManager().get_bundle("dags-folder")
    bundle.initialize()
    BundleDagBag(
        dag_folder=str(ROOT / "dags" / "restore.py"), safe_mode=False, load_op_links=False, bundle_path=bundle.path,
        bundle_name="dags-folder",
    )  # fmt: skip
    for name in modules:
        import_module(name)
    return time.process_time() - started


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("task_imports", __doc__)
    parser.add_argument("--parent", choices=["scheduler", "warm"], help="print the figures of one parent as JSON")
    given = parser.parse_args(words)
    if given.parent:
        print(json.dumps(measure_parent(SCHEDULER if given.parent == "scheduler" else WARM)))
        return 0
    started, figures = time.monotonic(), {}
    for parent in ("scheduler", "warm"):
        command = [sys.executable, "-m", "benchmarks.task_imports", "--parent", parent]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        figures[parent] = json.loads(done.stdout.splitlines()[-1])
    rows = [(name, *(f"{figures[parent][name]:.2f}" for parent in figures)) for name in figures["warm"]]
    rows.append(("all tasks", *(f"{sum(found[task] for task in TASKS):.2f}" for found in figures.values())))
    table = markdown.table(("processor seconds", "forked from the scheduler", "forked from the warm process"), rows)
    results = Results(
        title="What the tasks of a run spend before they work",
        intro="Processor seconds of reading the DAG file and of imports, of each task of a night of one chunk.",
        sections=[Section("Tasks", table)],
        figures=figures,
        notes=("The process itself is started once, with the scheduler.",),
        seconds=time.monotonic() - started,
    )
    publish("task_imports", results, given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
