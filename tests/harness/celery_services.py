"""The services of the compose file without containers: PostgreSQL with two databases, Redis, Celery workers."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from airflow_home import SCRIPTS, Airflow
from ports import free_port
from postgres_server import postgres, program

from scripts.airflow_api import wait_until


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Return whether a server answers, which must not have ended."""
    assert process.poll() is None
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@contextmanager
def celery_services() -> Iterator[dict[str, str]]:
    """Run a database server and a broker; give the environment that names them, with a port for the API server.

    Workers ask the API server for their tasks, so its port is known before it starts.
    """
    redis, port, api_port = program("redis-server", "redis-server"), free_port(), free_port()
    with postgres("airflow", "ledger") as server, tempfile.TemporaryDirectory(prefix="redis-") as folder:
        broker = subprocess.Popen(
            [redis, "--bind", "127.0.0.1", "--port", str(port), "--save", ""],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(lambda: _answers(port, broker), "Redis did not answer", seconds=60, interval=0.1)
            yield {
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url("airflow"),
                "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{port}/0",
                "AIRFLOW__CELERY__RESULT_BACKEND": server.url("airflow").replace(
                    "postgresql+psycopg2", "db+postgresql"
                ),
                "AIRFLOW__API__PORT": str(api_port),
                "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{api_port}",
                "RESTORATION_LEDGER_URL": server.url("ledger"),
            }
        finally:
            broker.terminate()
            broker.wait(30)


class CeleryWorker:
    """A worker as on a host of its own: its own folder for scratch files and caches.

    Args:
        folder: of the host, created here.
        queues: whose tasks it takes, separated by commas.
        concurrency: tasks at a time.

    Attributes:
        scratch: its folder for temporary files.
    """

    def __init__(
        self, airflow: Airflow, folder: Path, services: dict[str, str], *, queues: str, concurrency: int = 1
    ) -> None:
        self.scratch, self.log = folder / "tmp", folder / "worker.log"
        self.scratch.mkdir(parents=True)
        own = {"TMPDIR": str(self.scratch), "RESTORATION_CACHE": str(folder / "cache")}
        command = ["airflow", "celery", "worker", "--queues", queues, "--concurrency", str(concurrency)]
        command += ["--skip-serve-logs", "--celery-hostname", f"{folder.name}@localhost"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [SCRIPTS / "with-airflow", *command],
                env=airflow.environment | services | own, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """Kill it with all that it has started, as when its host loses power."""
        root = psutil.Process(self.process.pid)
        for one in [root, *root.children(recursive=True)]:
            one.kill()
        self.process.wait(30)

    def stop(self) -> None:
        """Stop it after the task in hand, or kill it where that takes minutes; do nothing when it has ended."""
        self.process.terminate()
        try:
            self.process.wait(180)
        except subprocess.TimeoutExpired:
            self.kill()
