"""Where a piece of work is being done: the task, its try and the machine."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TaskContext:
    """The task that does the work; empty from a shell.

    Attributes:
        map_index: place among mapped tasks, -1 when the task is not mapped.
        try_number: 1 for the first try, 0 when nobody counts.
        memory_ran_out: earlier tries that ran out of memory or were killed without a word; by default all of them, for
            who does not know better.
    """

    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    try_number: int = 0
    memory_ran_out: int | None = None

    @property
    def halvings(self) -> int:
        """How often what is worked on at once is to be halved."""
        return max(0, self.try_number - 1) if self.memory_ran_out is None else self.memory_ran_out


def host() -> str:
    """Return this machine's name."""
    return platform.node() or "localhost"


def process_name() -> str:
    """Return the name of this process for the ledger: host, process id and start."""
    return f"{host()} {os.getpid()} {_started(os.getpid())}"


def has_ended(name: str) -> bool:
    """Return whether the process of that name (see `holder`) has surely ended; unknown counts as alive."""
    machine, _, rest = name.partition(" ")
    pid, _, started = rest.partition(" ")
    return machine == host() and pid.isdigit() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's ticks, so that a number used again is not taken for it.

    Where there is no /proc, "running" or "" for an ended one.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "" if Path("/proc/self/stat").exists() else "running"
