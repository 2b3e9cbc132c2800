"""The four components as `make up` starts them: a run by the scheduler, its logs over the API, and a clean stop."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from small_inbox import inbox

SCRIPTS = Path(__file__).parents[3] / "scripts"
pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def family(home: Path) -> list[psutil.Process]:
    """Returns the components that run in that Airflow home, and all that they have started."""
    state = json.loads((home / "run" / "components.json").read_text(encoding="utf-8"))
    roots = [psutil.Process(pid) for pid, _ in state["processes"]]
    return roots + [child for root in roots for child in root.children(recursive=True)]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def up(airflow):
    """The port of running components, which are stopped afterwards."""
    port = free_port()
    started = airflow.run(sys.executable, SCRIPTS / "server.py", "up", AIRFLOW__API__PORT=str(port))
    assert f"http://127.0.0.1:{port}" in started.stdout
    yield port
    airflow.run(sys.executable, SCRIPTS / "server.py", "down")


class Client:
    """The REST API, as the user whose password was generated."""

    def __init__(self, port: int, home: Path) -> None:
        self.url, self.token = f"http://127.0.0.1:{port}", ""
        [password] = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text()).values()
        self.token = self("POST", "/auth/token", {"username": "admin", "password": password})["access_token"]

    def __call__(self, method: str, path: str, body=None):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def test_a_run_by_the_scheduler_and_its_logs(airflow, tmp_path, request):
    source = tmp_path / "inbox"
    for name, data in inbox().items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    airflow.write(night={"inbox": str(source), "output": str(tmp_path / "out"), "chunk_scans": 2})
    api = Client(request.getfixturevalue("up"), airflow.home)
    dag = "/api/v2/dags/restore_night"
    deadline = time.monotonic() + 60
    while "restore_night" not in {found["dag_id"] for found in api("GET", "/api/v2/dags")["dags"]}:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    api("PATCH", f"{dag}?update_mask=is_paused", {"is_paused": False})
    run = f"{dag}/dagRuns/" + api("POST", f"{dag}/dagRuns", {"logical_date": None})["dag_run_id"].replace("+", "%2B")
    while (state := api("GET", run)["state"]) in ("queued", "running"):
        time.sleep(1)
    tasks = api("GET", f"{run}/taskInstances?limit=100")["task_instances"]
    assert state == "success", [(task["task_id"], task["state"]) for task in tasks]
    assert {task["pool"] for task in tasks if task["task_id"] == "chunk.inpaint"} == {"gpu"}
    assert len([task for task in tasks if task["task_id"] == "chunk.publish"]) == 2
    log = json.dumps(api("GET", f"{run}/taskInstances/chunk.mask/logs/1?map_index=0"))
    assert "stage=mask decision=fill" in log

    processes = family(airflow.home)
    connections = [connection for process in processes for connection in process.net_connections("inet")]
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert "stopped" in airflow.run(sys.executable, SCRIPTS / "server.py", "down").stdout
    assert not [process for process in processes if is_alive(process)]
