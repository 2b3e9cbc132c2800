"""Names of processes in the ledger, as this version and earlier ones write them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.ledger.context import host
from pipeline.ledger.processes import has_ended, process_name

STAT = Path(f"/proc/{os.getpid()}/stat")
NAME_IN_ANOTHER_PROCESS = "from pipeline.ledger.processes import process_name; print(process_name(), end='')"


def test_this_process_runs_and_one_that_exited_has_ended() -> None:
    ended = subprocess.run([sys.executable, "-c", NAME_IN_ANOTHER_PROCESS], capture_output=True, text=True, check=True)
    assert not has_ended(process_name())
    assert has_ended(ended.stdout)


@pytest.mark.skipif(not STAT.exists(), reason="needs /proc")
def test_the_start_is_the_one_that_earlier_versions_read_from_proc() -> None:
    ticks = STAT.read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    assert process_name() == f"{host()} {os.getpid()} {ticks}"


@pytest.mark.skipif(not STAT.exists(), reason="needs /proc")
def test_a_clock_that_is_set_ends_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    name = process_name()
    monkeypatch.setattr(psutil, "boot_time", lambda: time.time() + 3600)
    assert process_name() == name and not has_ended(name)


def test_a_process_id_that_was_given_to_another_process_has_ended() -> None:
    machine, pid, ticks = process_name().split()
    assert has_ended(f"{machine} {pid} {int(ticks) - 1000}")


def test_names_written_where_there_is_no_proc_are_understood() -> None:
    unused = max(psutil.pids()) + 1
    while psutil.pid_exists(unused):
        unused += 1
    assert not has_ended(f"{host()} {os.getpid()} running")
    assert has_ended(f"{host()} {unused} running")


@pytest.mark.parametrize("name", ["", "another-host 1 2", f"{host()} x 1", f"{host()}"])
def test_what_is_unknown_counts_as_running(name: str) -> None:
    assert not has_ended(name)
