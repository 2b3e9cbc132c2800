"""The components of Airflow as processes: which of them run, how one is started, and the file that records them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from pipeline.atomic_write import atomic_write
from pipeline.ledger.processes import start_ticks

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HOME = Path(os.environ["AIRFLOW_HOME"])
STATE = HOME / "run" / "components.json"
LOGS = HOME / "logs" / "components"
KEEPER = Path(__file__).with_name("keeper.py")


def running() -> list[psutil.Process]:
    """Return the recorded components that are running."""
    recorded = (find_process(*one) for one in load_state().get("processes", []))
    return [process for process in recorded if process is not None]


def find_process(pid: int, started: int) -> psutil.Process | None:
    """Return a running process, or None; one that has its number but another start, in ticks, is another process."""
    try:
        process = psutil.Process(pid)
        found = start_ticks(pid) == started and is_alive(process)
    except psutil.NoSuchProcess:
        return None
    return process if found else None


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def port() -> int:
    """Return the port of the running components, or else the one that the environment asks for."""
    return int(load_state().get("port", 0) if running() else os.environ["AIRFLOW__API__PORT"])


def environment(port: int) -> dict[str, str]:
    """Return the environment of components whose API server listens on a port."""
    return os.environ | {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}"}


def start_process(name: str, environment: dict[str, str]) -> tuple[int, int]:
    """Start a component or the keeper, in its own session; return the number of its process and its start in ticks."""
    # Log servers would listen on every interface; the API server reads the log files instead.
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
    return process.pid, start_ticks(process.pid)


def load_state() -> dict[str, Any]:
    """Return what the last start recorded, empty when nothing was started.

    `port`; `processes`: number and start in ticks of each component's process, in the order of COMPONENTS; `keeper`:
    likewise.
    """
    try:
        found: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def save_state(state: dict[str, Any]) -> None:
    """Write the record atomically."""
    STATE.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(STATE, json.dumps(state).encode())


def kill_session(leader: int) -> None:
    """Kill what is left of the session that an ended process has led."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue
