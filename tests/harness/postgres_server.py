"""A PostgreSQL server for tests, which can be stopped, killed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

USER = "restoration"


def program(name: str, package: str) -> str:
    """Return the path of a program, from PATH or from Debian's folder; skip the test where there is none."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return str(Path(found).absolute())  # not resolved: some programs depend on the name they are called by


class PostgresServer:
    """A PostgreSQL server on loopback with its own data folder.

    Args:
        folder: an empty folder that every user may read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        # The server refuses to run as root.
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = names.get("postgres") or names.get("nobody")
            if entry is None:
                pytest.skip("PostgreSQL will not run as root, and there is no other user")
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        make = [program("initdb", "postgresql"), "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*make, "--no-sync"], check=True, capture_output=True, cwd=folder, env={"LC_ALL": "C"}, **self.user
        )

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Return when the server answers."""
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder), "-F"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program("postgres", "postgresql"), "-D", self.folder / "data", *options],
                stdout=log, stderr=log, cwd=self.folder, env={"LC_ALL": "C"}, **self.user,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self._connect().close()
                return
            except psycopg2.OperationalError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def create(self, *databases: str) -> None:
        """Create databases."""
        connection = self._connect()
        connection.autocommit = True
        for name in databases:
            connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()

    def kill(self) -> None:
        """Stop the server immediately, as a crash would: what was not committed is lost."""
        if self.process is not None:
            # PostgreSQL's immediate shutdown: SIGKILL would leave its child processes and shared memory behind.
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            # The fast shutdown, which closes open connections.
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def _connect(self) -> Any:
        return psycopg2.connect(self.url().replace("+psycopg2", ""))


@contextmanager
def postgres(*databases: str) -> Iterator[PostgresServer]:
    """Run a server with these databases, and stop it in the end."""
    # Not pytest's folder, which another user may not read.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(Path(folder))
        try:
            server.start()
            server.create(*databases)
            yield server
        finally:
            server.stop()
