"""The buttons of a run in Airflow's user interface, as requests of its API, and when an operator presses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scripts.airflow_api import AirflowApi, wait_until

Press = Callable[[AirflowApi, str], Any]
"""Presses a button, given the path of a run in the API."""

HANGING, WORKING, DONE = "between two tasks", "in a task", "done"


@dataclass(frozen=True)
class Case:
    """What an operator does with a run.

    Attributes:
        at: where the run is then.
        presses: one after the other; the run may end between two of them.
        state: in which the run must end; None when it no longer exists.
        short: also part of `make test`.
    """

    name: str
    at: str
    presses: tuple[Press, ...]
    state: str | None
    short: bool = False

    @property
    def collection(self) -> str:
        """Name of its own collection."""
        return "button-" + "".join(c if c.isalnum() else "-" for c in f"{self.at} {self.name}".lower())[:50].rstrip("-")


def mark(state: str) -> Press:
    """Mark the run as failed or as a success."""
    return lambda api, run: api.request("PATCH", run, body={"state": state})


def clear(**options: bool) -> Press:
    """Clear the run: all tasks, only failed ones, or only new ones."""
    return lambda api, run: api.post(f"{run}/clear", {"dry_run": False} | options)


def delete(api: AirflowApi, run: str) -> None:
    """Delete the run."""
    api.request("DELETE", run)


def mark_task(task: str, state: str) -> Press:
    """Mark a task as failed, skipped or a success, a mapped one at its first index."""
    index = "/0" if task.startswith("chunk.") else ""
    return lambda api, run: api.request("PATCH", f"{run}/taskInstances/{quote(task)}{index}", body={"new_state": state})


def clear_task(task: str, **options: bool) -> Press:
    """Clear a task of the run, also with those after it, before it, or in later and earlier runs."""

    def press(api: AirflowApi, run: str) -> None:
        dag, _, run_id = run.partition("/dagRuns/")
        body = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "task_ids": [task]} | options
        api.post(f"{dag}/clearTaskInstances", body)

    return press


def pause(paused: bool) -> Press:
    """Switch the DAG off or on."""
    return lambda api, run: api.request("PATCH", run.partition("/dagRuns/")[0], body={"is_paused": paused})


def trigger(api: AirflowApi, run: str) -> None:
    """Start another run, and return when it has received what there is."""
    dag_id = run.partition("/dags/")[2].partition("/")[0]
    second = api.trigger(dag_id, "second")

    def received() -> bool:
        return any(one["task_id"] == "receive" and one["state"] == "success" for one in api.tasks(second))

    wait_until(received, f"{second} did not receive", seconds=600)


FAILED, SUCCESS = mark("failed"), mark("success")
CASES = [
    Case("mark failed", HANGING, (FAILED,), "failed", short=True),
    Case("mark success", HANGING, (SUCCESS,), "failed", short=True),
    Case("mark failed, then success", HANGING, (FAILED, SUCCESS), "failed"),
    Case("mark failed, clear all", HANGING, (FAILED, clear()), "success"),
    Case("mark failed, clear failed", HANGING, (FAILED, clear(only_failed=True)), "success"),
    Case("mark failed, queue new tasks", HANGING, (FAILED, clear(only_new=True)), "failed"),
    Case("mark failed, delete", HANGING, (FAILED, delete), None),
    Case("clear all", HANGING, (clear(),), "success"),
    Case("mark mask failed", HANGING, (mark_task("chunk.mask", "failed"),), "failed"),
    Case("mark inpaint success", HANGING, (mark_task("chunk.inpaint", "success"),), "success"),
    Case("mark inpaint failed", HANGING, (mark_task("chunk.inpaint", "failed"),), "failed"),
    Case("mark report success", HANGING, (mark_task("report", "success"),), "failed"),
    Case("mark reconcile success", HANGING, (mark_task("reconcile", "success"),), "failed"),
    Case("clear mask", HANGING, (clear_task("chunk.mask"),), "success"),
    Case("clear mask and downstream", HANGING, (clear_task("chunk.mask", include_downstream=True),), "success"),
    Case("clear inpaint and upstream", HANGING, (clear_task("chunk.inpaint", include_upstream=True),), "success"),
    Case("switch the DAG off and on", HANGING, (pause(True), pause(False)), "success"),
    Case("trigger another", HANGING, (trigger,), "success"),
    Case("mark failed, trigger another, clear all", HANGING, (FAILED, trigger, clear()), "failed"),
    Case("mark failed", WORKING, (FAILED,), "failed"),
    Case("mark success", WORKING, (SUCCESS,), "failed"),
    Case("mark failed, clear failed", WORKING, (FAILED, clear(only_failed=True)), "success", short=True),
    Case("clear all", WORKING, (clear(),), "success"),
    Case("mark task failed", WORKING, (mark_task("chunk.mask", "failed"),), "failed"),
    Case("clear all", DONE, (clear(),), "success"),
    Case("clear failed", DONE, (clear(only_failed=True),), "success"),
    Case("clear mask", DONE, (clear_task("chunk.mask"),), "success"),
    Case("clear report and downstream", DONE, (clear_task("report", include_downstream=True),), "success"),
    Case("mark failed", DONE, (FAILED,), "failed"),
    Case("delete", DONE, (delete,), None),
]
