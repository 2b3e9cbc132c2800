"""Runs of a DAG from the terminal: start one, show its progress, and say how it ended."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from airflow_api import RUNNING, AirflowApi, run_path
from components import HOME
from pipeline.stages.order import Stage
from server import CommandError

TASKS = (*Stage, "report", "digest", "reconcile")
# A task is skipped when there was nothing new; it is not shown.
ENDED = ("success", "failed", "upstream_failed")


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    Attributes:
        page: its path in the user interface.
        report: URI of its report's folder, or None where nothing was new or no report could be written.
        following: id of the run that takes what this one left in the inbox, or None.
    """

    page: str
    succeeded: bool
    report: str | None
    following: str | None


def start(api: AirflowApi, dag_id: str, conf: dict[str, Any]) -> str:
    """Switch a DAG on, start a run and return its id.

    Raises:
        CommandError: the DAG did not appear.
    """
    try:
        api.unpause(dag_id)
    except TimeoutError as error:
        raise CommandError(f"{error}: see make up, Import errors") from error
    run_id = f"demo__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}"
    api.trigger(dag_id, run_id, conf=conf)
    return run_id


def follow(api: AirflowApi, dag_id: str, run_id: str) -> Run:
    """Print the progress of a run until it has ended, and return how it ended."""
    path = run_path(dag_id, run_id)
    began, shown, state = time.monotonic(), "", RUNNING[0]
    while state in RUNNING:
        time.sleep(0.5)
        state = api.get(path)["state"]
        tasks = api.tasks(path)
        if (line := _progress(tasks)) != shown:
            shown = line
            print(f"  {time.monotonic() - began:4.0f} s  {line}", flush=True)
    for task in tasks:
        if task["state"] == "failed":
            folder = HOME / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
            print(
                f"{task['task_id']} failed at attempt {task['try_number']}; its log says why: {folder}", file=sys.stderr
            )
    return Run(
        page=f"/dags/{dag_id}/runs/{quote(run_id)}",
        succeeded=state == "success",
        report=_xcom(api, path, "report", "return_value"),
        following=_xcom(api, path, "following_batch", "trigger_run_id"),
    )


def _progress(tasks: list[dict[str, Any]]) -> str:
    """Return one line with the number of ended tasks of each kind."""
    known = Counter(task["task_id"].rpartition(".")[2] for task in tasks)
    done = Counter(task["task_id"].rpartition(".")[2] for task in tasks if task["state"] in ENDED)
    line = "  ".join(f"{name} {done[name]}/{known[name]}" for name in TASKS if done[name])
    retried = sorted({task["task_id"] for task in tasks if task["state"] == "up_for_retry"})
    return line + (f"  (waiting for a retry: {', '.join(retried)})" if retried else "")


def _xcom(api: AirflowApi, path: str, task: str, key: str) -> str | None:
    """Return what a task returned, or None when it returned nothing."""
    try:
        value: str | None = api.get(f"{path}/taskInstances/{task}/xcomEntries/{key}", deserialize="true")["value"]
    except httpx.HTTPStatusError:
        return None
    return value
