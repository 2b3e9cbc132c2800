"""Airflow's REST API on this machine."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from components import HOME

PASSWORDS = HOME / "simple_auth_manager_passwords.json.generated"


class Api:
    """Airflow's REST API on loopback.

    Args:
        port: where the API server listens.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.token = ""

    def login(self) -> tuple[str, str]:
        """Log in as the generated user and return its name and password."""
        [(user, password)] = json.loads(PASSWORDS.read_text(encoding="utf-8")).items()
        answer = self.request("POST", "/auth/token", {"username": user, "password": password})
        self.token = answer["access_token"]
        return user, password

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON that a GET answers."""
        return self.request("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON that any request answers; one that the server could not answer is made again.

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
