"""Tasks and their supervisors are killed in a running Airflow: when does the work resume, and with what result."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from airflow_home import Airflow, wait_for_run

from tests.faults.running_project import TASKS, RunningProject, running_project
from tests.faults.stages import STAGES
from tests.faults.table import Table

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def project(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory, full: bool) -> Iterator[RunningProject]:
    names = ["task", "supervisor"] if full else ["task"]
    with running_project(airflow, tmp_path_factory.mktemp("project"), names) as project:
        yield project


def kill_task(pid: int) -> None:
    """Kill the process of a task; what it had started ends by itself."""
    psutil.Process(pid).kill()


def kill_supervisor(pid: int) -> None:
    """Kill the process that supervises a task; the task continues."""
    supervisor = psutil.Process(pid).parent()
    assert supervisor is not None
    supervisor.kill()


def seconds_to_resume(
    project: RunningProject, run: str, task: str, chance: random.Random, kill: Callable[[int], None]
) -> float | None:
    """Kill at a random moment of a task; return the seconds until it was resumed, None when it had ended before."""
    hit = project.wait_running(run, task)
    time.sleep(chance.uniform(0, 2))
    try:
        kill(hit["pid"])
    except psutil.NoSuchProcess:
        return None
    moment = time.monotonic()
    project.wait_resumed(run, hit)
    return time.monotonic() - moment


@pytest.mark.parametrize("who", ["task", "supervisor"])
def test_tasks_and_supervisors_are_killed(
    project: RunningProject, table: Table, full: bool, seeds: range, who: str
) -> None:
    if who not in project.runs:
        pytest.skip("the short form kills tasks only: make faults")
    chance = random.Random(seeds[0])
    kill = kill_task if who == "task" else kill_supervisor
    stages = list(STAGES) if full else list(STAGES[1:5])
    label = "kill -9 of the task" if who == "task" else "kill -9 of the supervisor, orphan goes on"
    run = project.start(who)
    seconds: dict[str, float | None] = {}
    for stage in stages:
        seconds[stage] = seconds_to_resume(project, run, TASKS[stage], chance, kill)
        print(f"seed {seeds[0]}: {label}: {stage}: resumed after {seconds[stage]} s", flush=True)
        if not full and seconds[stage] is not None:
            break  # one is enough, of a task that had not ended before
    state = wait_for_run(project.api, run)
    found = project.runs[who].damage()
    left = [path.name for path in (project.folder / "tmp").iterdir() if path.name.startswith(("restoration~", "weasy"))]
    found.torn += [f"{name} is left" for name in left]
    for stage, spent in seconds.items():
        table.row(f"{label}: {stage}").add(found, f"seed {seeds[0]} in Airflow", spent)
    assert state == "success" and not found.describe(), f"{state}: {found.describe()}"
    assert any(spent is not None for spent in seconds.values()), "every task ended before it was killed"
