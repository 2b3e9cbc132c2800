"""Start and stop the four components of Airflow on this machine.

Run by `make up` and `make down` with the environment of `scripts/with-airflow`.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress

import httpx
import psutil

import components
from airflow_api import AirflowApi, wait_until
from first_start import offer_example
from overview import print_overview
from pipeline.errors import ConfigurationError
from pipeline.settings import settings

HEALTH = ("metadatabase", "scheduler", "dag_processor", "triggerer")
# Airflow waits for running tasks when it is asked to stop; that could take hours.
STOP_SECONDS = 15.0
HEALTHY_SECONDS = 120.0


class CommandError(Exception):
    """Why a command of `make` failed, in one sentence for the terminal."""


def start(port: int) -> None:
    """Start all components on loopback and return when each of them reports that it is healthy.

    Raises:
        CommandError: the port is taken, or a component ended or was not healthy in time (its log is named).
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"port {port} is taken by another program; choose another: make up PORT=8090"
            raise CommandError(message) from error
    environment = components.environment(port)
    processes = {name: components.start_process(name, environment) for name in components.COMPONENTS}
    components.save_state({"port": port, "processes": list(processes.values())})

    def is_up() -> bool:
        for name, process in processes.items():
            if components.find_process(*process) is None:
                raise CommandError(f"airflow {name} ended; its log says why: {components.LOGS / name}.log")
        return is_healthy(port)

    try:
        wait_until(is_up, "Airflow was not healthy", seconds=HEALTHY_SECONDS, interval=0.3)
    except TimeoutError as error:
        raise CommandError(f"{error}; the logs say why: {components.LOGS}") from error


def start_keeper() -> None:
    """Start the process that restarts components, unless it runs."""
    state = components.load_state()
    if state and components.find_process(*state.get("keeper", (0, 0))) is None:
        process = components.start_process("keeper", components.environment(state["port"]))
        components.save_state(state | {"keeper": process})


def stop() -> int:
    """Stop every component and all that they started, and return how many processes had to be killed."""
    # The keeper first, which would restart them.
    keeper = components.find_process(*components.load_state().get("keeper", (0, 0)))
    if keeper is not None:
        keeper.terminate()
        psutil.wait_procs([keeper], timeout=STOP_SECONDS)
    roots = components.running()
    family = {process.pid: process for root in roots for process in [root, *_children(root)]}
    for root in roots:
        root.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        for root in roots:
            family |= {process.pid: process for process in _children(root)}
        if not any(components.is_alive(process) for process in family.values()):
            break
        time.sleep(0.1)
    left = [process for process in family.values() if components.is_alive(process)]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=5)
    # Processes that a component started outlive it when it was killed before.
    for pid, _ in components.load_state().get("processes", []):
        components.kill_session(pid)
    components.STATE.unlink(missing_ok=True)
    return len(left)


def is_healthy(port: int) -> bool:
    """Return whether every component reports that it is healthy, and tasks are answered."""
    api = AirflowApi(port, components.HOME)
    try:
        # The part of the API server that tasks ask is made for its first request, which takes seconds: not the first
        # task's, but now, while the other components start.
        if api.get("/execution/health")["status"] != "healthy":
            return False
        answer = api.get("/api/v2/monitor/health")
    except (httpx.HTTPError, ValueError):
        return False
    return all(answer[part]["status"] == "healthy" for part in HEALTH)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def main(command: str) -> None:
    """Run `up` or `down`."""
    if command == "down":
        print("Airflow is stopped." if components.running() and stop() >= 0 else "Airflow was not running.")
        return
    with suppress(ConfigurationError):  # which is printed with the collections
        offer_example(settings().collections)
    began = time.monotonic()
    if not components.running():
        try:
            start(components.port())
        except CommandError as error:
            stop()
            sys.exit(f"make up: {error}")
    start_keeper()
    api = AirflowApi(components.port(), components.HOME)
    user, password = api.login()
    print(f"Airflow is healthy after {time.monotonic() - began:.0f} s: {api.url}")
    print(f"  user {user}, password {password}")
    print("  a component that ends is restarted; make down stops all of them", flush=True)
    print_overview(api)


if __name__ == "__main__":
    main(sys.argv[1])
