"""The processes of the compose file without containers: PostgreSQL, Redis and two Celery workers."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from rest import Client, free_port
from small_inbox import write_inbox

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "scripts" / "server.py"
pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.timeout(900)]


def program(name: str, package: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def wait_for(connect: Any, process: subprocess.Popen[bytes]) -> None:
    """Returns when a server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            connect()
            return
        except (OSError, psycopg2.OperationalError):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def services() -> Iterator[dict[str, str]]:
    """The environment that names a database server with both databases, and a broker."""
    user: dict[str, Any] = {}
    initdb, postgres, redis = program("initdb", "postgresql"), program("postgres", "postgresql"), "redis-server"
    redis = program(redis, redis)
    with tempfile.TemporaryDirectory(prefix="services-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            # PostgreSQL does not run as root.
            entry = pwd.getpwnam("postgres" if Path("/var/lib/postgresql").exists() else "nobody")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        make = [initdb, "-D", folder / "data", "-U", "restoration", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, env={"LC_ALL": "C"}, **quiet, **user)
        port, broker = str(free_port()), str(free_port())
        processes = [
            subprocess.Popen(
                [postgres, "-D", folder / "data", "-h", "127.0.0.1", "-p", port, "-k", folder, "-F"],
                env={"LC_ALL": "C"}, **quiet, **user,
            ),
            subprocess.Popen([redis, "--bind", "127.0.0.1", "--port", broker, "--save", ""], **quiet),
        ]  # fmt: skip
        try:
            base = f"restoration@127.0.0.1:{port}"
            wait_for(lambda: psycopg2.connect(f"postgresql://{base}/postgres").close(), processes[0])
            wait_for(lambda: socket.create_connection(("127.0.0.1", int(broker))).close(), processes[1])
            connection = psycopg2.connect(f"postgresql://{base}/postgres")
            connection.autocommit = True
            for database in ("airflow", "ledger"):
                connection.cursor().execute(f"CREATE DATABASE {database}")
            connection.close()
            yield {
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{base}/airflow",
                "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{broker}/0",
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql://{base}/airflow",
                "RESTORATION_LEDGER_URL": f"postgresql+psycopg2://{base}/ledger",
            }
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def test_a_run_through_celery_workers_and_postgresql(airflow, services, tmp_path):
    write_inbox(tmp_path / "inbox")
    airflow.write(celery={"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out"), "chunk_scans": 2})
    port = free_port()
    services |= {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}"}
    airflow.run(sys.executable, ROOT / "scripts" / "prepare.py", **services)
    workers = []
    try:
        for queue in ("cpu", "gpu"):
            command = ["airflow", "celery", "worker", "--queues", queue, "--concurrency", "1", "--skip-serve-logs"]
            with (tmp_path / f"{queue}.log").open("wb") as log:
                worker = subprocess.Popen(
                    [ROOT / "scripts" / "with-airflow", *command, "--celery-hostname", f"{queue}@localhost"],
                    env=airflow.environment | services, stdout=log, stderr=log,
                )  # fmt: skip
            workers.append(worker)
        airflow.run(sys.executable, SERVER, "up", **services)
        state, _, tasks = Client(port, airflow.home).restore("celery")
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
        airflow.run(sys.executable, SERVER, "down", **services)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(60)
