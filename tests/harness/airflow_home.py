"""An Airflow of the tests' own: its home in a temporary folder, its settings those of `make up`."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


class Airflow:
    """Runs commands in an Airflow home with collections of its own.

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
        """Writes the collections file; each engine is the quickest that needs no weights, unless said otherwise."""
        entries = {
            name: {"schedule": None, "recipe": {"engine": "telea"}} | entry for name, entry in collections.items()
        }
        self.collections.write_text(yaml.safe_dump({"collections": entries}), encoding="utf-8")

    def run(self, *command: str | Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Returns a finished command; its output goes into the test's report when it fails."""
        done = subprocess.run(
            [ROOT / "scripts" / "with-airflow", *command],
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
        """Runs a collection's DAG from end to end in one process, as a real run in the database."""
        return self.run("airflow", "dags", "test", f"restore_{name}", check=check, **environment)

    def tasks(self, dag_id: str) -> dict[str, tuple[str, int]]:
        """Returns state and tries of the tasks of a DAG's only run that are not mapped."""
        query = "SELECT task_id, state, try_number FROM task_instance WHERE dag_id = ? AND map_index = -1"
        with sqlite3.connect(self.home / "airflow.db") as database:
            return {task: (state, tries) for task, state, tries in database.execute(query, (dag_id,))}


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """An Airflow with its database made and no collection yet."""
    airflow = Airflow(tmp_path_factory.mktemp("airflow") / "home")
    airflow.home.mkdir()
    airflow.write()
    airflow.run(sys.executable, ROOT / "scripts" / "prepare.py")
    return airflow
