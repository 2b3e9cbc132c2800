"""Parse the DAG files as Airflow's processor does, in a separate process, to see what they import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]

SCRIPT = """
import json, sys, time
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization

folder = Path(sys.argv[1])
before = set(sys.modules)
began = time.perf_counter()
bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
seconds = time.perf_counter() - began
print(json.dumps({
    "dags": {name: DagSerialization.to_dict(dag)["dag"] for name, dag in bag.dags.items()},
    "errors": bag.import_errors,
    "seconds": seconds,
    "imported": sorted(set(sys.modules) - before),
    "modules": sorted(sys.modules),
}, default=str))
"""


@dataclass(frozen=True)
class Bag:
    """The result of parsing: serialised DAGs, import errors, seconds, the names of all imported modules, the home."""

    dags: dict[str, Any]
    errors: dict[str, str]
    seconds: float
    modules: list[str]
    home: Path

    def tasks(self, dag_id: str) -> dict[str, Any]:
        """Return the serialised tasks of one DAG by id."""
        return {task["__var"]["task_id"]: task["__var"] for task in self.dags[dag_id]["tasks"]}


@pytest.fixture(scope="session")
def parse(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that parses all DAG files with a collections file of the given text, in a new home or not."""

    def run(text: str | None, home: Path | None = None) -> Bag:
        home = home or tmp_path_factory.mktemp("airflow")
        collections = home / "collections.yaml"
        if text is not None:
            collections.write_text(text, encoding="utf-8")
        environment = os.environ | {"AIRFLOW_HOME": str(home), "RESTORATION_COLLECTIONS": str(collections)}
        done = subprocess.run(
            [ROOT / "scripts" / "with-airflow", sys.executable, "-W", "ignore", "-c", SCRIPT, ROOT / "dags"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=280,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
        return Bag(answer["dags"], answer["errors"], answer["seconds"], answer["modules"], home)

    return run
