"""Name processes in the ledger, and find out whether one has ended."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from pipeline.ledger.context import host


def process_name() -> str:
    """Return the name of this process for the ledger: host, process id and start in clock ticks since boot."""
    return f"{host()} {os.getpid()} {start_ticks(os.getpid())}"


def has_ended(name: str) -> bool:
    """Return whether the process of that name (see `process_name`) has certainly ended; unknown counts as running."""
    machine, _, rest = name.partition(" ")
    pid, _, started = rest.partition(" ")
    if machine != host() or not pid.isdigit():
        return False
    try:
        ticks = start_ticks(int(pid))
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    # A process that started at another time has been given the same id. Earlier versions wrote "running" for the start
    # where the system has no /proc.
    return started.isdigit() and abs(int(started) - ticks) > _ticks_per_second()


def start_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot, as in Linux's /proc/<pid>/stat.

    There it stays the same when the clock is set, also after a virtual machine has slept. Elsewhere it is computed from
    the time of day, accurate to a second until that is changed.

    Raises:
        psutil.NoSuchProcess: there is none of that number.
    """
    process = psutil.Process(pid)
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError) as error:
        if Path("/proc/self/stat").exists():
            raise psutil.NoSuchProcess(pid) from error
    return round((process.create_time() - psutil.boot_time()) * _ticks_per_second())


def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")
