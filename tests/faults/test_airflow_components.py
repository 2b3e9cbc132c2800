"""Components of a running Airflow are killed: when does the work resume, and with what result."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from airflow_home import Airflow, wait_for_run

from scripts.airflow_api import run_path, wait_until
from tests.faults.running_project import TASKS, WATCHED, RunningProject, running_project
from tests.faults.table import Table

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(7200)]

# Killed together with what they have started.
COMPONENTS = {
    "scheduler": "the scheduler with its workers",
    "triggerer": "the triggerer",
    "api-server": "the API server",
}


@pytest.fixture(scope="module")
def project(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory, full: bool) -> Iterator[RunningProject]:
    names = list(COMPONENTS) if full else [WATCHED]
    with running_project(airflow, tmp_path_factory.mktemp("project"), names) as project:
        yield project


def kill_component(project: RunningProject, component: str) -> Callable[[], float]:
    """Kill a component with all that it has started; return when it was restarted, with a clock since the kill."""
    process = project.airflow.component(component)
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    moment = time.monotonic()
    wait_until(
        lambda: project.airflow.component(component).pid != process.pid,
        f"{component} was not restarted",
        seconds=300,
        interval=0.2,
    )
    return lambda: time.monotonic() - moment


@pytest.mark.parametrize("component", ["scheduler", "api-server"])
def test_components_are_killed(project: RunningProject, table: Table, seeds: range, component: str) -> None:
    if component not in project.runs:
        pytest.skip("the short form kills the triggerer only: make faults")
    chance = random.Random(seeds[0])
    stage = chance.choice(("mask", "inpaint", "measure"))
    run = project.start(component)
    hit = project.wait_running(run, TASKS[stage])
    time.sleep(chance.uniform(0, 2))
    since = kill_component(project, component)
    if component == "scheduler":
        project.wait_resumed(run, hit)
    else:
        project.api.get("/api/v2/version")
    seconds = since()
    print(f"seed {seeds[0]}: {component} killed during {stage}: back after {seconds:.0f} s", flush=True)
    state = wait_for_run(project.api, run)
    found = project.runs[component].damage()
    table.row(f"kill -9 of {COMPONENTS[component]}").add(found, f"seed {seeds[0]} in Airflow", seconds)
    assert state == "success" and not found.describe(), f"{state}: {found.describe()}"


def test_the_triggerer_is_killed_and_announces_what_was_dropped_meanwhile(
    project: RunningProject, table: Table, full: bool
) -> None:
    unattended, dag_id = project.runs[WATCHED], f"restore_{WATCHED}"
    project.api.unpause(dag_id, seconds=240)

    def heartbeat() -> str:
        beat: str = project.api.get("/api/v2/monitor/health")["triggerer"]["latest_triggerer_heartbeat"]
        return beat

    before = heartbeat()
    since = kill_component(project, "triggerer")
    if not full:
        wait_until(lambda: heartbeat() != before, "the new triggerer has no heartbeat", seconds=300)
        return
    unattended.fill()
    [found, *_] = wait_until(lambda: project.api.runs(dag_id), "no run was started", seconds=300 - since())
    seconds = since()
    print(f"triggerer killed: what was dropped meanwhile is received after {seconds:.0f} s", flush=True)
    state = wait_for_run(project.api, run_path(dag_id, found["dag_run_id"]))
    damage = unattended.damage(batches=len(project.api.runs(dag_id)))
    table.row(f"kill -9 of {COMPONENTS['triggerer']}").add(damage, "in Airflow", seconds)
    assert state == "success" and not damage.describe(), f"{state}: {damage.describe()}"
