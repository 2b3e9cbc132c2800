"""A running Airflow, as `make up` starts it, with one collection for each fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_home import Airflow, start_run
from faulty_mail import FaultyMail
from mail_server import smtp_connection

from pipeline.stages.order import CHUNK_STAGES
from scripts.airflow_api import AirflowApi, wait_until
from tests.faults.batch import UnattendedRun
from tests.faults.stages import STAGES

# In the order of a run.
TASKS = {stage: f"chunk.{stage}" if stage in CHUNK_STAGES else stage for stage in STAGES}
ENDED = ("success", "failed", "upstream_failed")
# Its inbox is filled later, while the triggerer is down.
WATCHED = "triggerer"


class RunningProject:
    """Collections in a running Airflow.

    Args:
        airflow: the Airflow home.
        api: of the running components.
        folder: for the inboxes and outputs of the collections.
        runs: by name of the collection.
    """

    def __init__(self, airflow: Airflow, api: AirflowApi, folder: Path, runs: dict[str, UnattendedRun]) -> None:
        self.airflow, self.api, self.folder, self.runs = airflow, api, folder, runs

    def start(self, name: str) -> str:
        """Start a run of a collection, and return its path in the API."""
        return start_run(self.api, name)

    def wait_running(self, run: str, task: str) -> dict[str, Any]:
        """Return an instance of a task as soon as it runs."""

        def running() -> dict[str, Any] | None:
            of_task = (one for one in self.api.tasks(run) if one["task_id"] == task)
            return next((one for one in of_task if one["state"] == "running" and one["pid"]), None)

        found = wait_until(running, f"{task} did not run", seconds=600, interval=0.1)
        assert found is not None
        return found

    def wait_resumed(self, run: str, hit: dict[str, Any]) -> None:
        """Return when a task instance that was hit runs again, or has ended after all."""

        def resumed() -> bool:
            same = (one for one in self.api.tasks(run) if all(one[key] == hit[key] for key in ("task_id", "map_index")))
            return any(
                one["state"] in ENDED or (one["state"] == "running" and one["pid"] not in (None, hit["pid"]))
                for one in same
            )

        wait_until(resumed, f"{hit['task_id']} was not resumed", seconds=600, interval=0.2)


@contextmanager
def running_project(airflow: Airflow, folder: Path, names: list[str]) -> Iterator[RunningProject]:
    """Write the collections and start the components, which are stopped in the end."""
    (folder / "tmp").mkdir()
    mail = FaultyMail()
    url = airflow.environment["RESTORATION_LEDGER_URL"]
    runs = {name: UnattendedRun(folder / name, ledger=url, name=name, mail=mail) for name in names}
    if WATCHED in runs:
        shutil.rmtree(runs[WATCHED].inbox)
        runs[WATCHED].inbox.mkdir()
    airflow.write(**{name: _entry(name, run) for name, run in runs.items()})
    environment = {
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW_CONN_SMTP_DEFAULT": smtp_connection(mail.port, timeout=2),
        "TMPDIR": str(folder / "tmp"),
        "RESTORATION_CODE_VERSION": "test",
    }
    try:
        with airflow.running(patience=240, **environment) as api:
            yield RunningProject(airflow, api, folder, runs)
    finally:
        mail.close()


def _entry(name: str, run: UnattendedRun) -> dict[str, Any]:
    """Return a collection as the collections file has it."""
    collection = run.collection.model_dump(mode="json")
    kept = ("inbox", "output", "recipients", "chunk_scans", "recipe")
    entry = {key: collection[key] for key in kept} | {"recipe": {"engine": "telea", "detector": "none"}}
    return entry | ({"watch": {"settle": 2, "interval": 1}} if name == WATCHED else {})
