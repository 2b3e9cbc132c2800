"""A process that runs a stage and is killed, or frozen, at a chosen step of it.

A step is a moment at which something outside the process changes or is about to: a file opened for writing, renamed or
removed, a statement or a commit of the ledger, a connection, a message to the mail server. Between two steps the world
outside is the same, so these are all the moments that matter, and a step that a seed has chosen is hit again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import psutil
from sqlalchemy import Engine, event

from tests.faults.stages import Call, enter, run

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "subprocess.Popen"}
CHANGES |= {"smtplib.connect", "smtplib.send", "socket.connect"}
# Forked from one process that has loaded everything, so that a victim costs milliseconds.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.faults.loaded"])


class Victim:
    """One process with one call of a stage.

    Args:
        step: at which it is stopped, counted from 1; None to let it be.
        freeze: whether it is frozen there, to go on later, and not killed. It is not frozen while it holds the ledger:
            that would only stop everybody else for a while.
    """

    def __init__(self, call: Call, step: int | None = None, *, freeze: bool = False) -> None:
        self.connection, theirs = PROCESSES.Pipe()
        self.process: BaseProcess = PROCESSES.Process(target=_main, args=(call, step, freeze, theirs))
        self.process.start()
        theirs.close()

    def wait(self, timeout: float = 120.0) -> str:
        """Returns its state: `done`, `failed`, `frozen`, or `killed`."""
        for _ in range(int(timeout / 0.01)):
            with contextlib.suppress(EOFError, OSError):
                if self.connection.poll(0.01):
                    self.said: tuple[Any, ...] = self.connection.recv()
                    self.process.join(30)
                    return str(self.said[0])
            if not self.process.is_alive():
                return "killed"
            with contextlib.suppress(psutil.NoSuchProcess):
                if psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED:
                    return "frozen"
        raise AssertionError(f"the process did not end within {timeout:.0f} s")

    def resume(self) -> None:
        """Lets a frozen process continue."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid or 0, signal.SIGCONT)

    def end(self) -> None:
        """Kills what is left of it."""
        self.process.kill()
        self.process.join(30)


class _Steps:
    """Counts steps, and stops the process at one of them."""

    def __init__(self, step: int | None, freeze: bool) -> None:
        self.count, self.step, self.freeze, self.held = 0, step, freeze, False
        sys.addaudithook(self.audit)
        event.listen(Engine, "begin", self.begin)
        event.listen(Engine, "before_cursor_execute", lambda *_: self.tick())
        event.listen(Engine, "commit", self.commit)
        event.listen(Engine, "rollback", self.release)

    def audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            if isinstance(arguments[2], int) and arguments[2] & WRITES and not str(arguments[0]).endswith("/dev/null"):
                self.tick()
        elif name in CHANGES:
            self.tick()

    def begin(self, connection: Any) -> None:
        self.held = bool(connection.get_execution_options().get("ledger_writes"))

    def commit(self, connection: Any) -> None:
        self.tick()
        self.held = False

    def release(self, connection: Any) -> None:
        self.held = False

    def tick(self) -> None:
        if self.freeze and self.held:
            return
        self.count += 1
        if self.count == self.step:
            os.kill(os.getpid(), signal.SIGSTOP if self.freeze else signal.SIGKILL)


def _main(call: Call, step: int | None, freeze: bool, connection: Connection) -> None:
    """The process: sends what the stage returned, and the number of steps."""
    enter(call)
    steps = _Steps(step, freeze)
    try:
        result = run(call)
        connection.send(("done", steps.count, result))
    except BaseException as error:
        with contextlib.suppress(OSError):
            connection.send(("failed", steps.count, f"{type(error).__name__}: {error}"))
