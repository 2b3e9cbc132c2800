"""Run a night in a real Airflow of its own, by `scripts/demo.py`, and read from its database where the time went."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks.throughput.processes import ROOT


@dataclass
class Night:
    """One run of a collection's DAG.

    Attributes:
        whole: seconds of the command, with Airflow's start and stop.
        run: seconds from the trigger to the end of the last task.
        tasks: seconds in tasks, by their names.
        waits: seconds from the end of one task to the start of the next while no task ran.
    """

    whole: float
    run: float
    tasks: dict[str, float] = field(default_factory=dict)
    waits: float = 0.0


def night(inbox: Path, home: Path) -> Night:
    """Restore an inbox in Airflow and return where the time went.

    Args:
        home: a new folder for everything that Airflow and the run write.

    Raises:
        SystemExit: the run failed.
    """
    home.mkdir(parents=True)
    environment = os.environ | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "RESTORATION_COLLECTIONS": str(home / "collections.yaml"),
        "RESTORATION_LEDGER_URL": f"sqlite:///{home}/ledger.db",
        "INBOX": str(inbox),
        "OUTPUT": str(home / "out"),
    }
    started = time.perf_counter()
    done = subprocess.run(
        [ROOT / "scripts" / "with-airflow", sys.executable, "scripts/demo.py"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    whole = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"the run in Airflow failed: {(done.stdout + done.stderr)[-2000:]}")
    return _read(home / "airflow" / "airflow.db", whole)


def _read(database: Path, whole: float) -> Night:
    """Return the run that a database holds."""
    with sqlite3.connect(database) as connection:
        (asked, ended), *_ = connection.execute("SELECT queued_at, end_date FROM dag_run WHERE dag_id LIKE 'restore_%'")
        rows = connection.execute(
            "SELECT task_id, start_date, end_date FROM task_instance"
            " WHERE dag_id LIKE 'restore_%' AND start_date IS NOT NULL ORDER BY start_date"
        ).fetchall()
    found = Night(whole, _seconds(asked, ended))
    last = asked
    for task, start, end in rows:
        found.tasks[task] = found.tasks.get(task, 0.0) + _seconds(start, end)
        found.waits += max(0.0, _seconds(last, start))
        last = max(last, end)
    return found


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
