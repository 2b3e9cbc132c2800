"""A client of the REST API of an Airflow on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)

T = TypeVar("T")
# Written by Airflow's simple auth manager into its home folder.
PASSWORDS = "simple_auth_manager_passwords.json.generated"
RUNNING = ("queued", "running")
# A DAG appears within seconds of a start, and within a minute of a change.
DAG_APPEARS_SECONDS = 120.0


class AirflowApi:
    """The REST API on loopback.

    Requests that the server cannot answer (status 500 and above) are repeated after 1, 2 and 4 s; every request here
    may be sent twice. They raise `httpx.HTTPStatusError` when the API refuses them and `httpx.TransportError` when no
    server answers.

    Args:
        port: of the API server.
        home: Airflow's home folder.
        patience: seconds for which a request that no server answers is repeated, for a server that may be restarted.
    """

    def __init__(self, port: int, home: Path, *, patience: float = 0.0) -> None:
        self.url, self.home = f"http://127.0.0.1:{port}", home
        self._client = httpx.Client(
            base_url=self.url,
            timeout=90,
            trust_env=False,  # no proxy between this machine and itself
            verify=False,  # no TLS, and so no time for loading certificates
            limits=httpx.Limits(max_keepalive_connections=0),  # the server may be restarted between two requests
        )
        self._retry_failed = Retrying(
            retry=retry_if_exception(_is_server_error),
            wait=wait_exponential(multiplier=1),
            stop=stop_after_attempt(4),
            reraise=True,
        )
        self._retry_unanswered = Retrying(
            retry=retry_if_exception_type(httpx.TransportError),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(patience),
            reraise=True,
        )

    def login(self) -> tuple[str, str]:
        """Log in as the first generated user and return its name and password."""
        user, password = next(iter(json.loads((self.home / PASSWORDS).read_text(encoding="utf-8")).items()))
        token = self.post("/auth/token", {"username": user, "password": password})["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        return user, password

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON that a GET answers."""
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON that a POST answers."""
        return self.request("POST", path, body=body)

    def request(self, method: str, path: str, *, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Return the JSON that any request answers; None where it answers nothing."""
        return self._retry_unanswered(self._retry_failed, self._request, method, path, body, query)

    def _request(self, method: str, path: str, body: Any, query: dict[str, Any] | None) -> Any:
        answer = self._client.request(method, path, json=body, params=query or None)
        return answer.raise_for_status().json() if answer.content else None

    def unpause(self, dag_id: str, *, seconds: float = DAG_APPEARS_SECONDS) -> None:
        """Switch a DAG on, as soon as there is one of that id.

        Raises:
            TimeoutError: it did not appear in time.
        """

        def is_unpaused() -> bool:
            try:
                self.request("PATCH", dag_path(dag_id), body={"is_paused": False}, query={"update_mask": "is_paused"})
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.NOT_FOUND:
                    raise
                return False
            return True

        wait_until(is_unpaused, f"{dag_id} did not appear in Airflow", seconds=seconds, interval=0.3)

    def trigger(self, dag_id: str, run_id: str, **body: Any) -> str:
        """Start a run, unless there is one of that id already, and return its path in the API.

        Args:
            body: further keys of the request, such as `conf` or `run_after`.
        """
        try:
            self.post(f"{dag_path(dag_id)}/dagRuns", {"dag_run_id": run_id, "logical_date": None} | body)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.CONFLICT:
                raise
        return run_path(dag_id, run_id)

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the first hundred runs of a DAG, oldest first."""
        found: list[dict[str, Any]] = self.get(f"{dag_path(dag_id)}/dagRuns", order_by="id", limit=100)["dag_runs"]
        return found

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """Return all task instances of a run, by its path in the API."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.get(f"{run}/taskInstances", limit=100, offset=len(found))
            found += answer["task_instances"]
            if len(found) >= answer["total_entries"] or not answer["task_instances"]:
                return found


def dag_path(dag_id: str) -> str:
    """Return the path of a DAG in the API."""
    return f"/api/v2/dags/{dag_id}"


def run_path(dag_id: str, run_id: str) -> str:
    """Return the path of a run in the API."""
    return f"{dag_path(dag_id)}/dagRuns/{quote(run_id)}"


def wait_until(condition: Callable[[], T], message: str, *, seconds: float, interval: float = 0.5) -> T:
    """Return the first true value of a condition.

    Args:
        message: what did not happen, for the error.
        seconds: how long to wait.
        interval: seconds between two calls.

    Raises:
        TimeoutError: there was none in time.
    """

    def give_up(_: RetryCallState) -> T:
        raise TimeoutError(f"{message} within {seconds:.0f} s")

    retrying = Retrying(
        retry=retry_if_result(lambda value: not value),
        wait=wait_fixed(interval),
        stop=stop_after_delay(seconds),
        retry_error_callback=give_up,
    )
    return retrying(condition)


def _is_server_error(error: BaseException) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.is_server_error
