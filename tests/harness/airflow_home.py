"""An Airflow for tests: its home is a temporary folder, its settings are those of `make up`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from ports import free_port

from scripts.airflow_api import RUNNING, AirflowApi, wait_until

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


class Airflow:
    """Runs commands in an Airflow home with its own collections.

    Args:
        home: an empty folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.collections = home / "collections.yaml"
        self.environment = os.environ | {
            "AIRFLOW_HOME": str(home),
            "RESTORATION_COLLECTIONS": str(self.collections),
            "RESTORATION_LEDGER_URL": f"sqlite:///{home}/ledger.db",
            "RESTORATION_CACHE": str(home.parent / "cache"),
        }
        self.environment.pop("PYTEST_CURRENT_TEST", None)

    def write(self, **collections: dict[str, Any]) -> None:
        """Write the collections file; each collection uses the quickest engine without weights by default."""
        entries = {
            name: {"schedule": None, "recipe": {"engine": "telea"}} | entry for name, entry in collections.items()
        }
        self.collections.write_text(yaml.safe_dump({"collections": entries}), encoding="utf-8")

    def run(self, *command: str | Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return it; when it fails, its output goes into the test's report."""
        done = subprocess.run(
            [SCRIPTS / "with-airflow", *command],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=400,
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done

    def restore(self, name: str, *, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a collection's DAG in one process, as a real run in the database."""
        return self.run("airflow", "dags", "test", f"restore_{name}", check=check, **environment)

    def tasks(self, dag_id: str) -> dict[str, tuple[str, int]]:
        """Return state and tries of the unmapped tasks of a DAG's only run."""
        query = "SELECT task_id, state, try_number FROM task_instance WHERE dag_id = ? AND map_index = -1"
        with sqlite3.connect(self.home / "airflow.db") as database:
            return {task: (state, tries) for task, state, tries in database.execute(query, (dag_id,))}

    def prepare(self, **environment: str) -> None:
        """Prepare Airflow's database, as `make up` does."""
        self.run(sys.executable, SCRIPTS / "prepare.py", **environment)

    @contextmanager
    def running(self, *, port: int | None = None, patience: float = 0.0, **environment: str) -> Iterator[AirflowApi]:
        """Start the components as `make up` does, give their API, and stop them in the end.

        Args:
            port: of the API server; a free one by default.
            patience: of the API client, in seconds.
        """
        port = port or free_port()
        environment |= {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}"}
        try:
            started = self.run(sys.executable, SCRIPTS / "server.py", "up", **environment)
            assert f"http://127.0.0.1:{port}" in started.stdout
            assert f"collections  {self.collections}" in started.stdout
            api = AirflowApi(port, self.home, patience=patience)
            api.login()
            yield api
        finally:
            self.stop()

    def stop(self) -> str:
        """Stop the components as `make down` does, and return what it printed."""
        return self.run(sys.executable, SCRIPTS / "server.py", "down").stdout

    def component(self, name: str) -> psutil.Process:
        """Return the process of a running component."""
        state = json.loads((self.home / "run" / "components.json").read_text(encoding="utf-8"))
        return psutil.Process(state["processes"][COMPONENTS.index(name)][0])


def start_run(api: AirflowApi, name: str, **body: Any) -> str:
    """Start a run of a collection as soon as Airflow has read its DAG, and return the run's path in the API."""
    api.unpause(f"restore_{name}", seconds=240)
    return api.trigger(f"restore_{name}", f"test__{uuid.uuid4().hex[:8]}", **body)


def wait_for_run(api: AirflowApi, run: str) -> str:
    """Return the state in which a run has ended: `success` or `failed`."""

    def end_state() -> str:
        state: str = api.get(run)["state"]
        return "" if state in RUNNING else state

    return wait_until(end_state, f"{run} did not end", seconds=900)


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """An Airflow with its database prepared and no collection yet.

    The test files of one worker share it, one after the other. Each has its own names of collections, since Airflow
    keeps the DAG of an earlier collection until it has read the new one.
    """
    airflow = Airflow(tmp_path_factory.mktemp("airflow") / "home")
    airflow.home.mkdir()
    airflow.write()
    airflow.prepare()
    return airflow
