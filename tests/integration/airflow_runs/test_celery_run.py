"""The processes of the compose file without containers: PostgreSQL, Redis and two Celery workers."""

from __future__ import annotations

import psycopg2
import pytest
from airflow_home import start_run, wait_for_run
from celery_services import CeleryWorker, celery_services
from small_inbox import write_inbox

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.timeout(900)]


def test_a_run_through_celery_workers_and_postgresql(airflow, tmp_path):
    write_inbox(tmp_path / "inbox")
    airflow.write(celery={"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out"), "chunk_scans": 2})
    with celery_services() as services:
        airflow.prepare(**services)
        workers = [CeleryWorker(airflow, tmp_path / queue, services, queues=queue) for queue in ("cpu", "gpu")]
        try:
            with airflow.running(port=int(services["AIRFLOW__API__PORT"]), **services) as api:
                run = start_run(api, "celery")
                state, tasks = wait_for_run(api, run), api.tasks(run)
            logs = "".join(worker.log.read_text()[-3000:] for worker in workers)
            assert state == "success", f"{[(task['task_id'], task['state']) for task in tasks]}\n{logs}"
            assert {task["queue"] for task in tasks if task["task_id"] == "chunk.inpaint"} == {"gpu"}
            assert {task["queue"] for task in tasks if task["task_id"] != "chunk.inpaint"} == {"cpu"}
            connection = psycopg2.connect(services["RESTORATION_LEDGER_URL"].replace("+psycopg2", ""))
            with connection.cursor() as cursor:
                cursor.execute("SELECT outcome, count(*) FROM ledger_outcomes GROUP BY outcome")
                assert dict(cursor.fetchall())["restored"] >= 1
            connection.close()
        finally:
            for worker in workers:
                worker.stop()
