"""Keep one decoder process running per thread, so that decoding a scan does not cost the start of an interpreter.

The process ends with its thread or its parent process, however they end, and at the first scan that crashes it, exceeds
its time or its memory.
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
        status: exit status as of `subprocess`; None when it was killed because its time was up.
        reading: whether its time was up before it had read the file.
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
        """Return this thread's decoder process, a new one where none is running."""
        worker: DecoderProcess | None = getattr(cls.local, "worker", None)
        if worker is None or worker.owner != os.getpid() or worker.process.poll() is not None:
            worker = cls.local.worker = cls()
        return worker

    def ask(self, request: dict[str, Any], descriptor: int, timeout: float) -> tuple[dict[str, Any], int | None]:
        """Return the answer to a request, with a file descriptor if it is a scan.

        Raises:
            DecoderDied: the process ended without an answer.
        """
        self.served += 1
        message, received, unread = b"", None, True
        deadline = time.monotonic() + timeout
        # A process that has already ended and one that dies at work both show as an empty message.
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
        """Return the next message and its descriptor; an empty message when time is up or the process has ended."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return b"", None
        message, descriptors, _, _ = socket.recv_fds(self.connection, MESSAGE, 1)
        return message, descriptors[0] if descriptors else None

    def stop(self, *, patient: bool = False) -> None:
        """End the process; if `patient`, wait a moment first, so that a dying process's exit status is its own."""
        self.connection.close()
        if self.owner != os.getpid():
            return
        if patient:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT)
        self.process.kill()
        # A process that waits for a dead file server cannot be killed, so the wait is limited.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT)

    def __del__(self) -> None:
        if hasattr(self, "process"):
            self.stop()


@atexit.register
def _stop_current() -> None:
    """Stop this thread's decoder process at exit; the kernel stops those of other threads."""
    worker: DecoderProcess | None = getattr(DecoderProcess.local, "worker", None)
    if worker is not None:
        worker.stop()
        DecoderProcess.local.worker = None
