"""Starts and stops the four components of Airflow on this machine.

Run by `make up` and `make down` with the environment of `scripts/with-airflow`.
"""

from __future__ import annotations

import socket
import sys
import time

import psutil

from airflow_api import Api
from components import COMPONENTS, LOGS, STATE, end_session, environment, find, port, running, save, started, state

HEALTH = ("metadatabase", "scheduler", "dag_processor", "triggerer")
# Airflow waits for running tasks when it is asked to stop; nobody wants to wait for a night's work.
STOP_SECONDS = 15.0


class Trouble(Exception):
    """What went wrong in one sentence for the person at the terminal."""


def start(port: int, *, timeout: float = 120.0) -> None:
    """Start all components on loopback and return when each says that it is healthy.

    Raises:
        Trouble: the port is taken, or a component ended or was not healthy in time (its log is named).
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Trouble(f"port {port} is taken by another program; choose another: make up PORT=8090") from error
    processes = {name: started(name, environment(port)) for name in COMPONENTS}
    save({"port": port, "processes": list(processes.values())})
    deadline = time.monotonic() + timeout
    while not healthy(port):
        for name, process in processes.items():
            if find(*process) is None:
                raise Trouble(f"airflow {name} ended at once; its log says why: {LOGS / name}.log")
        if time.monotonic() > deadline:
            raise Trouble(f"Airflow was not healthy within {timeout:.0f} s; the logs say why: {LOGS}")
        time.sleep(0.3)


def keep() -> None:
    """Start what keeps the components running, unless it runs."""
    told = state()
    if told and find(*told.get("keeper", (0, 0.0))) is None:
        save(told | {"keeper": started("keeper", environment(told["port"]))})


def stop() -> int:
    """Stop every component and all that they started, and return how many had to be killed."""
    # First whoever would start them again.
    keeper = find(*state().get("keeper", (0, 0.0)))
    if keeper is not None:
        keeper.terminate()
        psutil.wait_procs([keeper], timeout=STOP_SECONDS)
    roots = running()
    family = {process.pid: process for root in roots for process in [root, *_children(root)]}
    for root in roots:
        root.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        for root in roots:
            family |= {process.pid: process for process in _children(root)}
        if not any(_alive(process) for process in family.values()):
            break
        time.sleep(0.1)
    left = [process for process in family.values() if _alive(process)]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=5)
    # Of one that was killed before, the processes that it had started may go on.
    for pid, _ in state().get("processes", []):
        end_session(pid)
    STATE.unlink(missing_ok=True)
    return len(left)


def healthy(port: int) -> bool:
    """Return whether every component reports to be healthy."""
    try:
        answer = Api(port).get("/api/v2/monitor/health")
    except (OSError, ValueError):
        return False
    return all(answer[part]["status"] == "healthy" for part in HEALTH)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main(command: str) -> None:
    """Run `up` or `down`."""
    if command == "down":
        print("Airflow is stopped." if running() and stop() >= 0 else "Airflow was not running.")
        return
    began = time.monotonic()
    if not running():
        try:
            start(port())
        except Trouble as trouble:
            stop()
            sys.exit(f"make up: {trouble}")
    keep()
    api = Api(port())
    user, password = api.login()
    print(f"Airflow is healthy after {time.monotonic() - began:.0f} s: {api.url}")
    print(f"  user {user}, password {password}")
    print("  what ends by itself is started again; make down stops it all")


if __name__ == "__main__":
    main(sys.argv[1])
