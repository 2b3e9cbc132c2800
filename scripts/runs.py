"""Runs of a DAG from the terminal: trigger one, show how far it is, tell what came of it."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_api import Api
from components import HOME
from server import Trouble

STAGES = ("receive", "mask", "inpaint", "measure", "publish", "report", "digest", "reconcile")
# What was skipped, since nothing was new, is not shown.
ENDED = ("success", "failed", "upstream_failed")
# A DAG appears within seconds of a start, and within a minute of a change.
PATIENCE_SECONDS = 120.0


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


def trigger(api: Api, dag_id: str, conf: dict[str, Any]) -> str:
    """Switches a DAG on, starts a run and returns its id.

    Raises:
        Trouble: the DAG did not appear.
    """
    dag = f"/api/v2/dags/{dag_id}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            api.request("PATCH", f"{dag}?update_mask=is_paused", {"is_paused": False})
            break
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > deadline:
                raise Trouble(f"{dag_id} did not appear in Airflow: see make up, Import errors") from error
            time.sleep(0.3)
    # Named here, so that a request that is made again starts no second run.
    run_id = f"demo__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}"
    try:
        api.request("POST", f"{dag}/dagRuns", {"dag_run_id": run_id, "logical_date": None, "conf": conf})
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
    return run_id


def follow(api: Api, dag_id: str, run_id: str) -> Run:
    """Print the progress of a run until it has ended, and return what came of it."""
    page = f"/dags/{dag_id}/runs/{urllib.parse.quote(run_id)}"
    path = f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id)}"
    began, shown, state = time.monotonic(), "", ""
    while state not in ("success", "failed"):
        time.sleep(0.5)
        state = api.get(path)["state"]
        tasks = _tasks(api, path)
        if (line := _progress(tasks)) != shown:
            shown = line
            print(f"  {time.monotonic() - began:4.0f} s  {line}", flush=True)
    for task in tasks:
        if task["state"] == "failed":
            folder = f"dag_id={dag_id}/run_id={run_id}/task_id={task['task_id']}"
            where = HOME / "logs" / folder
            print(f"{task['task_id']} failed at try {task['try_number']}; its log says why: {where}", file=sys.stderr)
    following = _returned(api, path, "following_batch", "trigger_run_id")
    return Run(page, state == "success", _returned(api, path, "report", "return_value"), following)


def _tasks(api: Api, path: str) -> list[dict[str, Any]]:
    """Return all task instances of a run, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = api.get(f"{path}/taskInstances", limit=100, offset=len(found))
        found += answer["task_instances"]
        if len(found) >= answer["total_entries"] or not answer["task_instances"]:
            return found


def _progress(tasks: list[dict[str, Any]]) -> str:
    """Return one line on how far each stage is."""
    known = Counter(task["task_id"].rpartition(".")[2] for task in tasks)
    done = Counter(task["task_id"].rpartition(".")[2] for task in tasks if task["state"] in ENDED)
    line = "  ".join(f"{stage} {done[stage]}/{known[stage]}" for stage in STAGES if done[stage])
    again = sorted({task["task_id"] for task in tasks if task["state"] == "up_for_retry"})
    return line + (f"  (waiting for another try: {', '.join(again)})" if again else "")


def _returned(api: Api, path: str, task: str, key: str) -> str | None:
    """Return what a task handed on, or None when it did not come to that."""
    try:
        return api.get(f"{path}/taskInstances/{task}/xcomEntries/{key}", deserialize="true")["value"]
    except urllib.error.HTTPError:
        return None
