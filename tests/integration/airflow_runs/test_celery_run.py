"""The processes of the compose file without containers: PostgreSQL, Redis and two Celery workers."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator

import psycopg2
import pytest
from airflow_home import SCRIPTS, start_run, wait_for_run
from ports import free_port
from postgres_server import postgres, program
from small_inbox import write_inbox

from scripts.airflow_api import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.timeout(900)]


def answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Return whether a server answers, which must not have ended."""
    assert process.poll() is None
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture
def services() -> Iterator[dict[str, str]]:
    """The environment that names a database server with both databases, and a broker."""
    redis, port = program("redis-server", "redis-server"), free_port()
    with postgres("airflow", "ledger") as server, tempfile.TemporaryDirectory(prefix="redis-") as folder:
        broker = subprocess.Popen(
            [redis, "--bind", "127.0.0.1", "--port", str(port), "--save", ""],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(lambda: answers(port, broker), "Redis did not answer", seconds=60, interval=0.1)
            yield {
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url("airflow"),
                "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{port}/0",
                "AIRFLOW__CELERY__RESULT_BACKEND": server.url("airflow").replace(
                    "postgresql+psycopg2", "db+postgresql"
                ),
                "RESTORATION_LEDGER_URL": server.url("ledger"),
            }
        finally:
            broker.terminate()
            broker.wait(30)


def test_a_run_through_celery_workers_and_postgresql(airflow, services, tmp_path):
    write_inbox(tmp_path / "inbox")
    airflow.write(celery={"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out"), "chunk_scans": 2})
    # Workers ask the API server for their tasks, so its port is known before it starts.
    port = free_port()
    services |= {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}"}
    airflow.prepare(**services)
    workers = []
    try:
        for queue in ("cpu", "gpu"):
            command = ["airflow", "celery", "worker", "--queues", queue, "--concurrency", "1", "--skip-serve-logs"]
            with (tmp_path / f"{queue}.log").open("wb") as log:
                worker = subprocess.Popen(
                    [SCRIPTS / "with-airflow", *command, "--celery-hostname", f"{queue}@localhost"],
                    env=airflow.environment | services, stdout=log, stderr=log,
                )  # fmt: skip
            workers.append(worker)
        with airflow.running(port=port, **services) as api:
            run = start_run(api, "celery")
            state, tasks = wait_for_run(api, run), api.tasks(run)
        logs = "".join((tmp_path / f"{queue}.log").read_text()[-3000:] for queue in ("cpu", "gpu"))
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
            worker.terminate()
        for worker in workers:
            worker.wait(60)
