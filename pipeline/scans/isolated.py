"""Decoding in a process of its own, with limits: a scan that crashes, hangs or bloats its decoder ends alone.

Each thread keeps one decoder process warm, so that a scan costs milliseconds and not a start of Python. It is killed
with its thread, its process or at the first scan that misbehaves.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from pipeline import storage
from pipeline.errors import Reason, UnreadableScan
from pipeline.scans.model import Limits, Scan
from pipeline.scans.refusals import refusal, shown
from pipeline.scans.transfer import anonymous_file, receive_scan, write_all
from pipeline.scans.worker import MESSAGE, READ, READY
from pipeline.storage.failures import reading, unavailable
from pipeline.storage.uris import local_path

DECODER = "pipeline.scans.decode:decode"
START = 120.0
PATIENCE = 5.0
BLOCK = 1 << 20


class _Died(Exception):
    """The decoder process ended without an answer.

    Attributes:
        status: as of `subprocess`, None when it was killed for time.
        reading: that time went by before it had read the file.
    """

    def __init__(self, status: int | None, reading: bool) -> None:
        super().__init__(status, reading)
        self.status = status
        self.reading = reading


def decode_isolated(uri: str, *, name: str | None = None, limits: Limits | None = None, decoder: str = DECODER) -> Scan:
    """Returns a scan, decoded by a process of its own with a time and a memory limit.

    Args:
        uri: of the scan.
        name: for messages; the last part of the URI when left out.
        limits: the installation's when left out.
        decoder: `module:function` with the signature of `decode`.

    Raises:
        UnreadableScan: it cannot be read whole, or its decoder crashed, hung or needed too much memory.
        FileNotFoundError: there is no such file.
        StoreUnavailable: the store did not answer.
    """
    limits = limits or Limits.from_settings()
    name = name or uri.rstrip("/").rpartition("/")[2]
    request = {
        "name": name,
        "decoder": decoder,
        "max_megapixels": limits.max_megapixels,
        "memory": limits.memory_megabytes,
        "timeout": limits.timeout,
    }
    descriptor = _fetched(uri, name, limits)
    try:
        answer, received = _answer(request, descriptor, limits)
    except _Died as death:
        if death.reading:
            raise unavailable(uri, TimeoutError(f"not read within {limits.timeout:g} s")) from None
        raise _reason(death.status, name, limits) from None
    finally:
        os.close(descriptor)
    if received is not None:
        try:
            return receive_scan(received, answer)
        finally:
            os.close(received)
    if "store" in answer:
        raise unavailable(uri, OSError(answer["store"]))
    if answer["reason"] == Reason.DECODER_MEMORY:
        raise refusal(Reason.DECODER_MEMORY, name, f"{limits.memory_megabytes:g} MiB")
    raise UnreadableScan(Reason(answer["reason"]), answer["message"])


def _answer(request: dict[str, Any], descriptor: int, limits: Limits) -> tuple[dict[str, Any], int | None]:
    """Returns a decoder's answer, with a descriptor when it is a scan.

    Raises:
        _Died: the decoder ended without an answer.
    """
    worker = _Worker.current()
    fresh = worker.served == 0
    try:
        return worker.ask(request, descriptor, limits.timeout)
    except _Died as death:
        # A worker that had served others may have been hurt by one of them: this scan has a right to a fresh one.
        if fresh or death.status is None:
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
        return _Worker.current().ask(request, descriptor, limits.timeout)


def _fetched(uri: str, name: str, limits: Limits) -> int:
    """Returns a descriptor from which a scan's bytes can be read: of the file itself, or of a copy in memory."""
    most = int(limits.max_megabytes * 1e6)
    if storage.scheme(uri) == "file":
        with reading(uri):
            try:
                # Without waiting: a pipe with an image's name would wait for its writer for ever.
                descriptor = os.open(local_path(uri), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except PermissionError as error:
                raise _forbidden(name) from error
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise refusal(Reason.NOT_A_FILE, name)
    else:
        descriptor, size = anonymous_file(), 0
        try:
            with storage.open_read(uri) as stream:
                while size <= most and (block := stream.read(BLOCK)):
                    write_all(descriptor, block)
                    size += len(block)
        except PermissionError as error:
            os.close(descriptor)
            raise _forbidden(name) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
    if size > most:
        os.close(descriptor)
        raise refusal(Reason.TOO_MANY_BYTES, name, f"more than {limits.max_megabytes:g} MB")
    return descriptor


def _forbidden(name: str) -> UnreadableScan:
    """Returns the refusal of a file that may not be read."""
    return UnreadableScan(Reason.UNREADABLE, f"{shown(name)} may not be read; give this user the right to.")


def _reason(status: int | None, name: str, limits: Limits) -> UnreadableScan:
    """Returns the refusal for the way in which a decoder process ended."""
    if status in (None, -signal.SIGALRM):
        return refusal(Reason.DECODER_TIMEOUT, name, f"{limits.timeout:g} s")
    if status == -signal.SIGKILL:
        return refusal(Reason.DECODER_MEMORY, name, "the system ran out of memory")
    said = signal.strsignal(-status) if status is not None and status < 0 else f"exit code {status}"
    return refusal(Reason.DECODER_CRASHED, name, said or f"signal {status}")


class _Worker:
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
        if self._receive(time.monotonic() + START)[0] != READY:
            self.stop()
            raise RuntimeError(f"the decoder process did not start (exit code {self.process.returncode})")

    @classmethod
    def current(cls) -> _Worker:
        """Returns this thread's worker, a new one where there is none that lives."""
        worker: _Worker | None = getattr(cls.local, "worker", None)
        if worker is None or worker.owner != os.getpid() or worker.process.poll() is not None:
            worker = cls.local.worker = cls()
        return worker

    def ask(self, request: dict[str, Any], descriptor: int, timeout: float) -> tuple[dict[str, Any], int | None]:
        """Returns the answer to a request, with a descriptor when it is a scan.

        Raises:
            _Died: there is none; the process has ended.
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
            raise _Died(None if late else self.process.returncode, late and unread)
        return json.loads(message), received

    def _receive(self, deadline: float) -> tuple[bytes, int | None]:
        """Returns the next message and its descriptor; empty when the time is over or the other side has gone."""
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
                self.process.wait(PATIENCE)
        self.process.kill()
        # A process that waits for a dead file server can be killed by nobody, and must not be waited for.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)

    def __del__(self) -> None:
        if hasattr(self, "process"):
            self.stop()


@atexit.register
def _stop_current() -> None:
    """Stops this thread's worker at the end of the process; the kernel stops those of other threads."""
    worker: _Worker | None = getattr(_Worker.local, "worker", None)
    if worker is not None:
        worker.stop()
        _Worker.local.worker = None
