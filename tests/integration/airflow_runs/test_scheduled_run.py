"""The four components as `make up` starts them: a run by the scheduler, its logs over the API, and a clean stop."""

from __future__ import annotations

import json

import psutil
import pytest
from airflow_home import COMPONENTS, Airflow, start_run, wait_for_run
from small_inbox import outcomes, write_inbox

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def family(airflow: Airflow) -> list[psutil.Process]:
    """Return the running components, and all that they have started."""
    roots = [airflow.component(name) for name in COMPONENTS]
    return roots + [child for root in roots for child in root.children(recursive=True)]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_run_by_the_scheduler_and_its_logs(airflow, tmp_path):
    write_inbox(tmp_path / "inbox")
    place = {"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out")}
    airflow.write(scheduled=place | {"chunk_scans": 2, "batch_scans": 3})
    with airflow.running() as api:
        run = start_run(api, "scheduled")
        state, tasks = wait_for_run(api, run), api.tasks(run)
        assert state == "success", [(task["task_id"], task["state"]) for task in tasks]
        assert {task["pool"] for task in tasks if task["task_id"] == "chunk.inpaint"} == {"gpu"}
        assert len([task for task in tasks if task["task_id"] == "chunk.publish"]) == 2
        # Four files and three in a batch: the next run takes the last, and no other follows it.
        assert wait_for_run(api, f"{run}.2") == "success"
        reports = sorted(tmp_path.glob("out/reports/*/report.parquet"))
        assert [len(outcomes(path.read_bytes())) for path in reports] == [3, 1]
        assert len(api.runs("restore_scheduled")) == 2
        log = json.dumps(api.get(f"{run}/taskInstances/chunk.mask/logs/1", map_index=0))
        assert "stage=mask decision=fill" in log

        processes = family(airflow)
        connections = [connection for process in processes for connection in process.net_connections("inet")]
        assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
        assert "stopped" in airflow.stop()
        assert not [process for process in processes if is_alive(process)]
