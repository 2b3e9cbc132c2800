"""The decoder process that each thread keeps warm, so that a scan costs milliseconds and not a start of Python.

It ends with its thread or its process, however that ends, and at the first scan that misbehaves.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from pipeline.scans.worker import MESSAGE, READ, READY

START_TIMEOUT = 120.0
STOP_TIMEOUT = 5.0


class DecoderDied(Exception):
    """The decoder process ended without an answer.

    Attributes:
        status: as of `subprocess`, None when it was killed for time.
        reading: that time went by before it had read the file.
    """

    def __init__(self, status: int | None, reading: bool) -> None:
        super().__init__(status, reading)
        self.status = status
        self.reading = reading


class DecoderProcess:
    """One decoder process and the socket to it."""

    local = threading.local()

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.served = 0
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        with theirs:
            arguments = [str(theirs.fileno()), str(self.owner)]
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipeline.scans.worker", *arguments],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        if self._receive(time.monotonic() + START_TIMEOUT)[0] != READY:
            self.stop()
            raise RuntimeError(f"the decoder process did not start (exit code {self.process.returncode})")

    @classmethod
    def current(cls) -> DecoderProcess:
        """Return this thread's worker, a new one where there is none that lives."""
        worker: DecoderProcess | None = getattr(cls.local, "worker", None)
        if worker is None or worker.owner != os.getpid() or worker.process.poll() is not None:
            worker = cls.local.worker = cls()
        return worker

    def ask(self, request: dict[str, Any], descriptor: int, timeout: float) -> tuple[dict[str, Any], int | None]:
        """Return the answer to a request, with a descriptor when it is a scan.

        Raises:
            Died: there is none; the process has ended.
        """
        self.served += 1
        message, received, unread = b"", None, True
        deadline = time.monotonic() + timeout
        # A worker that is gone already shows by the same empty message as one that dies at work.
        with suppress(OSError):
            socket.send_fds(self.connection, [json.dumps(request).encode()], [descriptor])
            unread = self._receive(deadline)[0] != READ
            if not unread:
                deadline = time.monotonic() + timeout
                message, received = self._receive(deadline)
        if not message:
            late = time.monotonic() >= deadline
            self.stop(patient=not late)
            raise DecoderDied(None if late else self.process.returncode, late and unread)
        return json.loads(message), received

    def _receive(self, deadline: float) -> tuple[bytes, int | None]:
        """Return the next message and its descriptor; empty when the time is over or the other side has gone."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return b"", None
        message, descriptors, _, _ = socket.recv_fds(self.connection, MESSAGE, 1)
        return message, descriptors[0] if descriptors else None

    def stop(self, *, patient: bool = False) -> None:
        """Ends the process; a patient stop lets one that is dying finish, so that its status is its own."""
        self.connection.close()
        if self.owner != os.getpid():
            return
        if patient:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT)
        self.process.kill()
        # A process that waits for a dead file server can be killed by nobody, and must not be waited for.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT)

    def __del__(self) -> None:
        if hasattr(self, "process"):
            self.stop()


@atexit.register
def _stop_current() -> None:
    """Stop this thread's worker at the end of the process; the kernel stops those of other threads."""
    worker: DecoderProcess | None = getattr(DecoderProcess.local, "worker", None)
    if worker is not None:
        worker.stop()
        DecoderProcess.local.worker = None
