"""Faults in a running Airflow, as `make up` starts it: what damage they do, and how long recovery takes."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from faulty_mail import FaultyMail
from rest import Client, free_port

from pipeline.stages.order import CHUNK_STAGES
from tests.faults.batch import UnattendedRun
from tests.faults.stages import STAGES
from tests.faults.table import Table

SERVER = Path(__file__).parents[2] / "scripts" / "server.py"
pytestmark = [pytest.mark.airflow, pytest.mark.timeout(7200)]

# In the order of a run.
TASKS = {stage: f"chunk.{stage}" if stage in CHUNK_STAGES else stage for stage in STAGES}
# Of components that are killed together with their child processes.
COMPONENTS = {
    "scheduler": "the scheduler with its workers",
    "triggerer": "the triggerer",
    "api-server": "the API server",
}


class Project:
    """A running Airflow with its own collections.

    Args:
        airflow: the Airflow home.
        folder: for the collections' inboxes and outputs.
    """

    def __init__(self, airflow: Any, folder: Path, mail: FaultyMail) -> None:
        self.airflow, self.folder, self.mail = airflow, folder, mail
        self.runs: dict[str, UnattendedRun] = {}
        self.port = free_port()
        self.url = airflow.environment["RESTORATION_LEDGER_URL"]

    def up(self, names: list[str]) -> None:
        """Writes the collections and starts the components."""
        for name in names:
            self.runs[name] = UnattendedRun(self.folder / name, ledger=self.url, name=name, mail=self.mail)
            if name == "triggerer":
                # Its inbox is filled while the triggerer is down.
                shutil.rmtree(self.runs[name].inbox)
                self.runs[name].inbox.mkdir()
        extra = {"disable_ssl": True, "disable_tls": True, "timeout": 2, "retry_limit": 0}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": self.mail.port, "extra": extra}
        self.airflow.write(**{name: self._entry(name) for name in names})
        self.airflow.run(
            sys.executable, SERVER, "up",
            AIRFLOW__API__PORT=str(self.port),
            AIRFLOW__CORE__PARALLELISM="3",
            AIRFLOW_CONN_SMTP_DEFAULT=json.dumps(connection),
            TMPDIR=str(self.folder / "tmp"),
            RESTORATION_CODE_VERSION="test",
        )  # fmt: skip
        self.api = Client(self.port, self.airflow.home)

    def _entry(self, name: str) -> dict[str, Any]:
        collection = self.runs[name].collection.model_dump(mode="json")
        kept = ("inbox", "output", "recipients", "chunk_scans", "recipe")
        entry = {key: collection[key] for key in kept} | {"recipe": {"engine": "telea", "detector": "none"}}
        return entry | ({"watch": {"settle": 2, "interval": 1}} if name == "triggerer" else {})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Returns an answer of the API, which may have been killed a moment ago."""
        deadline = time.monotonic() + 240
        while True:
            try:
                return self.api(method, path, body)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def unpause(self, name: str) -> str:
        """Unpauses a collection, and returns its DAG's path in the API."""
        dag = f"/api/v2/dags/restore_{name}"
        deadline = time.monotonic() + 240
        while f"restore_{name}" not in {found["dag_id"] for found in self.ask("GET", "/api/v2/dags")["dags"]}:
            assert time.monotonic() < deadline, "the DAG did not appear"
            time.sleep(0.5)
        self.ask("PATCH", f"{dag}?update_mask=is_paused", {"is_paused": False})
        return dag

    def start(self, name: str) -> str:
        """Starts a run of a collection, and returns its path in the API."""
        dag = self.unpause(name)
        started = self.ask("POST", f"{dag}/dagRuns", {"logical_date": None})
        return f"{dag}/dagRuns/{started['dag_run_id']}"

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """Returns the task instances of a run."""
        found: list[dict[str, Any]] = self.ask("GET", f"{run}/taskInstances?limit=100")["task_instances"]
        return found

    def running(self, run: str, task: str) -> dict[str, Any] | None:
        """Returns the instance of a task that runs now, or None."""
        for one in self.tasks(run):
            if one["task_id"] == task and one["state"] == "running" and one["pid"]:
                return one
        return None

    def wait_running(self, run: str, task: str) -> dict[str, Any]:
        """Returns an instance of a task as soon as it runs."""
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            found = self.running(run, task)
            if found is not None:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{task} did not run: {[(one['task_id'], one['state']) for one in self.tasks(run)]}")

    def wait_again(self, run: str, hit: dict[str, Any]) -> None:
        """Returns when a task that was hit runs again, or has ended anyway."""
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            for one in self.tasks(run):
                if (one["task_id"], one["map_index"]) == (hit["task_id"], hit["map_index"]):
                    new = one["pid"] not in (None, hit["pid"]) and one["state"] == "running"
                    if new or one["state"] in ("success", "failed", "upstream_failed"):
                        return
            time.sleep(0.2)
        raise AssertionError(f"{hit['task_id']} was not taken up")

    def end(self, run: str) -> str:
        """Returns the state in which a run has ended."""
        deadline = time.monotonic() + 900
        while (state := self.ask("GET", run)["state"]) in ("queued", "running"):
            assert time.monotonic() < deadline, [(one["task_id"], one["state"]) for one in self.tasks(run)]
            time.sleep(1)
        return str(state)

    def component(self, name: str) -> psutil.Process:
        """Returns the process of a component."""
        state = json.loads((self.airflow.home / "run" / "components.json").read_text(encoding="utf-8"))
        return psutil.Process(
            state["processes"][("api-server", "scheduler", "dag-processor", "triggerer").index(name)][0]
        )


@pytest.fixture(scope="module")
def project(
    airflow: Any, tmp_path_factory: pytest.TempPathFactory, full: bool, request: pytest.FixtureRequest
) -> Iterator[Project]:
    mail = FaultyMail()
    folder = tmp_path_factory.mktemp("project")
    (folder / "tmp").mkdir()
    made = Project(airflow, folder, mail)
    names = ["task", "supervisor", *COMPONENTS] if full else ["task", "triggerer"]
    try:
        made.up(names)
        yield made
    finally:
        airflow.run(sys.executable, SERVER, "down", check=False)
        mail.close()


def killed_task(pid: int) -> list[psutil.Process]:
    """Kills the process of a task; its child processes end by themselves."""
    process = psutil.Process(pid)
    family = process.children(recursive=True)
    process.kill()
    return family


def killed_supervisor(pid: int) -> list[psutil.Process]:
    """Kills the process that supervises a task; the task continues."""
    process = psutil.Process(pid)
    supervisor = process.parent()
    assert supervisor is not None
    supervisor.kill()
    return []


def killed_family(process: psutil.Process) -> None:
    """Kills a component and its child processes."""
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def _hit(project: Project, run: str, task: str, chance: random.Random, strike: Callable[[int], Any]) -> float | None:
    """Kills a task at a random moment; returns the seconds until it was continued, None when it was too fast."""
    hit = project.wait_running(run, task)
    time.sleep(chance.uniform(0, 2))
    try:
        strike(hit["pid"])
    except psutil.NoSuchProcess:
        return None
    moment = time.monotonic()
    project.wait_again(run, hit)
    return time.monotonic() - moment


@pytest.mark.parametrize("who", ["task", "supervisor"])
def test_tasks_and_supervisors_are_killed(project: Project, table: Table, full: bool, seeds: range, who: str) -> None:
    if who not in project.runs:
        pytest.skip("the short form kills tasks only: make faults")
    chance = random.Random(seeds[0])
    strike = killed_task if who == "task" else killed_supervisor
    stages = list(STAGES) if full else list(STAGES[1:5])
    label = "kill -9 of the task" if who == "task" else "kill -9 of the supervisor, orphan goes on"
    run = project.start(who)
    seconds: dict[str, float | None] = {}
    for stage in stages:
        seconds[stage] = _hit(project, run, TASKS[stage], chance, strike)
        print(f"seed {seeds[0]}: {label}: {stage}: taken up after {seconds[stage]} s", flush=True)
        if not full and seconds[stage] is not None:
            break  # one is enough; a task that had ended before does not count
    state = project.end(run)
    found = project.runs[who].damage()
    left = [path.name for path in (project.folder / "tmp").iterdir() if path.name.startswith(("restoration~", "weasy"))]
    found.torn += [f"{name} is left" for name in left]
    for stage, spent in seconds.items():
        table.row(f"{label}: {stage}").add(found, f"seed {seeds[0]} in Airflow", spent)
    assert state == "success" and not found.describe(), f"{state}: {found.describe()}"
    assert any(spent is not None for spent in seconds.values()), "too fast to be killed"


def _killed_component(project: Project, component: str) -> tuple[float, Callable[[], float]]:
    """Kills a component and its child processes, and returns when another one runs in its place.

    Returns:
        The moment of the kill, and a function that returns the seconds since then.
    """
    process = project.component(component)
    killed_family(process)
    moment = time.monotonic()
    deadline = moment + 300
    while project.component(component).pid == process.pid:
        assert time.monotonic() < deadline, f"nobody started {component} again"
        time.sleep(0.2)
    return moment, lambda: time.monotonic() - moment


@pytest.mark.parametrize("component", ["scheduler", "api-server"])
def test_components_are_killed(project: Project, table: Table, seeds: range, component: str) -> None:
    if component not in project.runs:
        pytest.skip("the short form kills a task and the triggerer: make faults")
    chance = random.Random(seeds[0])
    stage = chance.choice(("mask", "inpaint", "measure"))
    run = project.start(component)
    hit = project.wait_running(run, TASKS[stage])
    time.sleep(chance.uniform(0, 2))
    _, since = _killed_component(project, component)
    if component == "scheduler":
        project.wait_again(run, hit)
    else:
        project.ask("GET", "/api/v2/version")
    seconds = since()
    print(f"seed {seeds[0]}: {component} killed during {stage}: back after {seconds:.0f} s", flush=True)
    state = project.end(run)
    found = project.runs[component].damage()
    table.row(f"kill -9 of {COMPONENTS[component]}").add(found, f"seed {seeds[0]} in Airflow", seconds)
    assert state == "success" and not found.describe(), f"{state}: {found.describe()}"


def test_the_triggerer_is_killed_and_then_finds_what_was_delivered_meanwhile(
    project: Project, table: Table, full: bool
) -> None:
    unattended = project.runs["triggerer"]
    project.unpause("triggerer")
    beat = project.ask("GET", "/api/v2/monitor/health")["triggerer"]["latest_triggerer_heartbeat"]
    _, since = _killed_component(project, "triggerer")
    if not full:
        while project.ask("GET", "/api/v2/monitor/health")["triggerer"]["latest_triggerer_heartbeat"] == beat:
            time.sleep(0.5)
        return
    unattended.fill()
    runs = "/api/v2/dags/restore_triggerer/dagRuns"
    while not (found := project.ask("GET", runs)["dag_runs"]):
        assert since() < 300, "the inbox did not ring"
        time.sleep(0.5)
    seconds = since()
    print(f"triggerer killed: what was dropped meanwhile is taken up after {seconds:.0f} s", flush=True)
    state = project.end(f"{runs}/{found[0]['dag_run_id']}")
    damage = unattended.damage(batches=len(project.ask("GET", runs)["dag_runs"]))
    table.row(f"kill -9 of {COMPONENTS['triggerer']}").add(damage, "in Airflow", seconds)
    assert state == "success" and not damage.describe(), f"{state}: {damage.describe()}"
