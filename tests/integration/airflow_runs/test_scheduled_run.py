"""The four components as `make up` starts them: a run by the scheduler, its logs, its metrics, and a clean stop."""

from __future__ import annotations

import json

import psutil
import pytest
from airflow_home import COMPONENTS, Airflow, start_run, wait_for_run
from otlp_receiver import Received, otlp_receiver
from small_inbox import outcomes, write_inbox

from pipeline.ledger import Outcome
from pipeline.stages.order import CHUNK_STAGES

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


def listening(process: psutil.Process) -> set[str]:
    """Return the addresses at which a process listens, none where it has just ended."""
    try:
        return {one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    except psutil.NoSuchProcess:
        return set()


def check_metrics(received: Received) -> None:
    """Check the metrics of a collection with four files, all done in two batches."""
    name = {"collection": "scheduled"}
    for stage in CHUNK_STAGES:
        assert received.total("airflow.restoration.stage.scans", **name, stage=stage) >= 1
        assert received.total("airflow.restoration.stage.pixels", **name, stage=stage) >= 192 * 256
    assert received.total("airflow.restoration.stage.milliseconds", **name) > 0
    found = {outcome: received.gauge("airflow.restoration.outcomes", **name, outcome=outcome) for outcome in Outcome}
    assert sum(found.values()) == 4 and found[Outcome.RESTORED] >= 1
    assert received.gauge("airflow.restoration.waiting", **name) == 0
    assert received.gauge("airflow.restoration.last_batch_done", **name) > 1.7e9


def test_a_run_by_the_scheduler_its_logs_and_metrics(airflow, tmp_path):
    write_inbox(tmp_path / "inbox")
    place = {"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out")}
    airflow.write(scheduled=place | {"chunk_scans": 2, "batch_scans": 3})
    with otlp_receiver() as (metrics, received), airflow.running(**metrics) as api:
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
        assert {address for process in processes for address in listening(process)} == {"127.0.0.1"}
        assert "stopped" in airflow.stop()
        assert not [process for process in processes if is_alive(process)]
        check_metrics(received)
