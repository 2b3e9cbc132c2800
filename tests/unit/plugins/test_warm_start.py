"""The process from which tasks are forked starts with the scheduler, and with no other component."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[3]
# In a process of its own: a fork server lives as long as the process that started it.
PROGRAM = """
import multiprocessing, sys
multiprocessing.set_start_method(sys.argv[1])
multiprocessing.set_forkserver_preload(["this"])
from multiprocessing import forkserver
from warm_start import WarmStart
WarmStart().on_starting(None)
print("runs:", forkserver._forkserver._forkserver_pid is not None)
"""
# What a task calls, which is a child of the fork server and would else start another.
TASK = """
import multiprocessing
def task(queue):
    from multiprocessing import forkserver
    from warm_start import WarmStart
    WarmStart().on_starting(None)
    queue.put(forkserver._forkserver._forkserver_pid is not None)
if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    queue = multiprocessing.SimpleQueue()
    child = multiprocessing.Process(target=task, args=[queue])
    child.start()
    print("runs:", queue.get())
    child.join()
"""


@pytest.mark.parametrize(("method", "expected"), [("forkserver", "True"), ("fork", "False")])
def test_the_fork_server_starts_where_it_is_used(method: str, expected: str) -> None:
    places = os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, method],
        env=os.environ | {"PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"runs: {expected}" in done.stdout


def test_a_task_starts_none(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TASK, encoding="utf-8")
    places = os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        env=os.environ | {"PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "runs: False" in done.stdout


def test_nothing_is_computed_in_it() -> None:
    program = "import pipeline.stages.preload, torch; print(torch.cuda.is_initialized())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
