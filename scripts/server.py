"""Starts and stops the four components of Airflow on this machine, and talks to their REST API.

Run by `make up` and `make down` with the environment of `scripts/with-airflow`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from pipeline.machine.files import write_whole

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTH = ("metadatabase", "scheduler", "dag_processor", "triggerer")
HOME = Path(os.environ["AIRFLOW_HOME"])
STATE = HOME / "run" / "components.json"
LOGS = HOME / "logs" / "components"
KEEPER = Path(__file__).with_name("keeper.py")
PASSWORDS = HOME / "simple_auth_manager_passwords.json.generated"
# Airflow waits for running tasks when it is asked to stop; nobody wants to wait for a night's work.
STOP_SECONDS = 15.0


class Trouble(Exception):
    """What went wrong in one sentence for the person at the terminal."""


def running() -> list[psutil.Process]:
    """Returns the components that an earlier start left running."""
    return [process for one in state().get("processes", []) if (process := find(*one)) is not None]


def find(pid: int, created: float) -> psutil.Process | None:
    """Returns a process that runs, or None; a number used again by the system is another process."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def port() -> int:
    """Returns the port of the components that run, else the one that the environment asks for."""
    return int(state().get("port", 0) if running() else os.environ["AIRFLOW__API__PORT"])


def start(port: int, *, timeout: float = 120.0) -> None:
    """Starts all components on loopback and returns when each says that it is healthy.

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


def environment(port: int) -> dict[str, str]:
    """Returns the environment of components whose API server listens on a port."""
    return os.environ | {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}"}


def started(name: str, environment: dict[str, str]) -> tuple[int, float]:
    """Returns number and birth of a new process, in a session of its own: a component, or the keeper."""
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


def keep() -> None:
    """Starts what keeps the components running, unless it runs."""
    told = state()
    if told and find(*told.get("keeper", (0, 0.0))) is None:
        save(told | {"keeper": started("keeper", environment(told["port"]))})


def stop() -> int:
    """Stops every component and all that they started, and returns how many had to be killed."""
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
    """Returns whether every component reports to be healthy."""
    try:
        answer = Api(port).get("/api/v2/monitor/health")
    except (OSError, ValueError):
        return False
    return all(answer[part]["status"] == "healthy" for part in HEALTH)


class Api:
    """Airflow's REST API on loopback.

    Args:
        port: where the API server listens.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.token = ""

    def login(self) -> tuple[str, str]:
        """Logs in as the generated user and returns its name and password."""
        [(user, password)] = json.loads(PASSWORDS.read_text(encoding="utf-8")).items()
        answer = self.request("POST", "/auth/token", {"username": user, "password": password})
        self.token = answer["access_token"]
        return user, password

    def get(self, path: str, **query: Any) -> Any:
        """Returns the JSON that a GET answers."""
        return self.request("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Returns the JSON that any request answers; one that the server could not answer is made again.

        Raises:
            urllib.error.HTTPError: the API refused it.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        # A proxy of the environment has no business on loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for pause in (1, 2, 4, 0):
            try:
                with opener.open(request, timeout=90) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code < 500 or not pause:
                    raise
                time.sleep(pause)
        raise AssertionError


def state() -> dict[str, Any]:
    """Returns port and processes of the last start: `port`, `processes` (number and birth of each), `keeper`."""
    try:
        return json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def save(state: dict[str, Any]) -> None:
    """Writes down what runs, whole."""
    STATE.parent.mkdir(parents=True, exist_ok=True)
    write_whole(STATE, json.dumps(state).encode())


def end_session(leader: int) -> None:
    """Kills all processes of the session that a process, which has ended, has led."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue


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
    """Runs `up` or `down`."""
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
