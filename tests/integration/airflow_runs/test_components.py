"""The four components as `make up` starts them: a run by the scheduler, its logs over the API, and a clean stop."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest
from rest import Client, free_port
from small_inbox import outcomes, write_inbox

SCRIPTS = Path(__file__).parents[3] / "scripts"
pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


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


def test_a_run_by_the_scheduler_and_its_logs(airflow, tmp_path, request):
    write_inbox(tmp_path / "inbox")
    airflow.write(
        night={"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out"), "chunk_scans": 2, "batch_scans": 3}
    )
    api = Client(request.getfixturevalue("up"), airflow.home)
    state, run, tasks = api.restore("night")
    assert state == "success", [(task["task_id"], task["state"]) for task in tasks]
    assert {task["pool"] for task in tasks if task["task_id"] == "chunk.inpaint"} == {"gpu"}
    assert len([task for task in tasks if task["task_id"] == "chunk.publish"]) == 2
    # Four files and three in a batch: the run that follows takes the last, and is itself the last.
    assert api.wait(f"{run}.2") == "success"
    assert [len(outcomes(path.read_bytes())) for path in sorted(tmp_path.glob("out/reports/*/report.parquet"))] == [
        3,
        1,
    ]
    assert len(api("GET", run.rpartition("/")[0])["dag_runs"]) == 2
    log = json.dumps(api("GET", f"{run}/taskInstances/chunk.mask/logs/1?map_index=0"))
    assert "stage=mask decision=fill" in log

    processes = family(airflow.home)
    connections = [connection for process in processes for connection in process.net_connections("inet")]
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert "stopped" in airflow.run(sys.executable, SCRIPTS / "server.py", "down").stdout
    assert not [process for process in processes if is_alive(process)]
