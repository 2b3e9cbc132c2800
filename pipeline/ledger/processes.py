"""Name processes in the ledger, and find out whether one has ended."""

from __future__ import annotations

import os

import psutil

from pipeline.ledger.context import host


def process_name() -> str:
    """Return the name of this process for the ledger: host, process id and start in clock ticks since boot."""
    return f"{host()} {os.getpid()} {_start_ticks(psutil.Process())}"


def has_ended(name: str) -> bool:
    """Return whether the process of that name (see `process_name`) has certainly ended; unknown counts as running."""
    machine, _, rest = name.partition(" ")
    pid, _, started = rest.partition(" ")
    if machine != host() or not pid.isdigit():
        return False
    try:
        ticks = _start_ticks(psutil.Process(int(pid)))
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    # A process that started at another time has been given the same id. Earlier versions wrote "running" for the start
    # where the system has no /proc.
    return started.isdigit() and abs(int(started) - ticks) > _ticks_per_second()


def _start_ticks(process: psutil.Process) -> int:
    """Return when a process started, in clock ticks since boot, as in Linux's /proc/<pid>/stat.

    Ticks, because an earlier version may read the name; accurate to a second when the clock is adjusted meanwhile.
    """
    return round((process.create_time() - psutil.boot_time()) * _ticks_per_second())


def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")
