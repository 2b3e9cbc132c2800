"""The REST API of a running Airflow, and a whole run through it."""

from __future__ import annotations

import json
import socket
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Client:
    """The REST API, as the user whose password was generated."""

    def __init__(self, port: int, home: Path) -> None:
        self.url, self.token = f"http://127.0.0.1:{port}", ""
        [password] = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text()).values()
        self.token = self("POST", "/auth/token", {"username": "admin", "password": password})["access_token"]

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def restore(self, name: str) -> tuple[str, str, list[dict[str, Any]]]:
        """Runs a collection's DAG; returns its state, the run's path in the API, and its task instances."""
        run = self.start(name)
        return self.wait(run), run, self.tasks(run)

    def start(self, name: str, **given: Any) -> str:
        """Starts a run of a collection's DAG as soon as there is one, and returns its path in the API."""
        dag = f"/api/v2/dags/restore_{name}"
        deadline = time.monotonic() + 120
        while f"restore_{name}" not in {found["dag_id"] for found in self("GET", "/api/v2/dags")["dags"]}:
            assert time.monotonic() < deadline, "the DAG did not appear"
            time.sleep(0.5)
        self("PATCH", f"{dag}?update_mask=is_paused", {"is_paused": False})
        started = self("POST", f"{dag}/dagRuns", {"logical_date": None} | given)
        return f"{dag}/dagRuns/{urllib.parse.quote(started['dag_run_id'])}"

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """Returns the task instances of a run."""
        return self("GET", f"{run}/taskInstances?limit=100")["task_instances"]

    def wait(self, run: str) -> str:
        """Returns the state of a run when it has ended."""
        while (state := self("GET", run)["state"]) in ("queued", "running"):
            time.sleep(1)
        return state
