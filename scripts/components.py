"""The components of Airflow on this machine as processes: which run, how one is started, what is noted of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from pipeline.atomic_write import atomic_write

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HOME = Path(os.environ["AIRFLOW_HOME"])
STATE = HOME / "run" / "components.json"
LOGS = HOME / "logs" / "components"
KEEPER = Path(__file__).with_name("keeper.py")


def running() -> list[psutil.Process]:
    """Return the components that an earlier start left running."""
    return [process for one in state().get("processes", []) if (process := find(*one)) is not None]


def find(pid: int, created: float) -> psutil.Process | None:
    """Return a process that runs, or None; a number used again by the system is another process."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def port() -> int:
    """Return the port of the components that run, else the one that the environment asks for."""
    return int(state().get("port", 0) if running() else os.environ["AIRFLOW__API__PORT"])


def environment(port: int) -> dict[str, str]:
    """Return the environment of components whose API server listens on a port."""
    return os.environ | {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}"}


def started(name: str, environment: dict[str, str]) -> tuple[int, float]:
    """Return number and birth of a new process, in a session of its own: a component, or the keeper."""
    # Log servers would listen on every interface; the API server reads the files instead.
    options = ["--skip-serve-logs"] if name in ("scheduler", "triggerer") else []
    command = [sys.executable, str(KEEPER)] if name == "keeper" else ["airflow", name, *options]
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    return process.pid, psutil.Process(process.pid).create_time()


def state() -> dict[str, Any]:
    """Return port and processes of the last start: `port`, `processes` (number and birth of each), `keeper`."""
    try:
        found: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def save(state: dict[str, Any]) -> None:
    """Write down what runs, whole."""
    STATE.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(STATE, json.dumps(state).encode())


def end_session(leader: int) -> None:
    """Kills all processes of the session that a process, which has ended, has led."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue
