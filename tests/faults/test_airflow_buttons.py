"""Whatever an operator presses: a run is green only when its batch is done, and the next run finishes what is left."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from airflow_home import Airflow, start_run, wait_for_run
from end_to_end import fill_inbox
from sqlalchemy import select

from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Batch, Claim, OutcomeRow, Scan
from scripts.airflow_api import RUNNING, AirflowApi, wait_until
from tests.faults.buttons import CASES, DONE, HANGING, WORKING, Case

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(7200)]

SCANS = ["a.png", "box/b.png"]


@dataclass
class Ended:
    """How a case ended.

    Attributes:
        states: of the run after each press, None once it is deleted; then that of a run that somebody starts later.
        left: scans without an outcome or report in the end, and what else is wrong.
    """

    states: list[str | None]
    later: str
    left: list[str]
    seconds: float


class Operator:
    """Presses buttons in a running Airflow.

    Args:
        folder: for inboxes and outputs.
    """

    def __init__(self, airflow: Airflow, api: AirflowApi, folder: Path) -> None:
        self.airflow, self.api, self.folder = airflow, api, folder

    def hold(self, slots: int) -> None:
        """Let so many tasks of inpainting run at a time; with none, every run stops before it."""
        # The API takes no pool without a slot.
        with sqlite3.connect(self.airflow.home / "airflow.db", timeout=60) as database:
            database.execute("UPDATE slot_pool SET slots = ? WHERE pool = 'gpu'", (slots,))

    def inbox(self, case: Case) -> Path:
        """Return the inbox of a case."""
        return self.folder / case.collection / "in"

    def wait_hanging(self, run: str) -> None:
        """Return when both masks are made and nothing can run."""

        def hanging() -> bool:
            states = [one["state"] for one in self.api.tasks(run) if one["task_id"] == "chunk.inpaint"]
            return len(states) == len(SCANS) and set(states) == {"scheduled"}

        wait_until(hanging, f"{run} did not come to its inpainting", seconds=600)

    def stop_at_work(self, run: str) -> None:
        """Return when a task works on a chunk, after its process was stopped: it stays in that state."""

        def working() -> int | None:
            found = (one for one in self.api.tasks(run) if one["task_id"] == "chunk.mask")
            return next((one["pid"] for one in found if one["state"] == "running" and one["pid"]), None)

        pid = wait_until(working, f"{run} did not work", seconds=600, interval=0.05)
        os.kill(pid or 0, signal.SIGSTOP)

    def press(self, case: Case, run: str) -> list[str | None]:
        """Press the buttons of a case, and return the run's state after each."""
        states: list[str | None] = []
        for press in case.presses:
            press(self.api, run)
            states.append(self.settled(run))
        return states

    def settled(self, run: str) -> str | None:
        """Return the run's state when it has ended, was deleted, or hangs at its inpainting."""

        def state() -> str:
            try:
                found = str(self.api.get(run)["state"])
            except httpx.HTTPStatusError:
                return "deleted"
            if found in ("success", "failed"):
                return found
            states = {one["state"] for one in self.api.tasks(run) if one["task_id"] == "chunk.inpaint"}
            # Nothing else is under way: what could run has run.
            others = {one["state"] for one in self.api.tasks(run)} & {"queued", "running", "up_for_retry", "restarting"}
            return "hangs" if "scheduled" in states and not others else ""

        # Airflow decides the state of a run a moment after its last task, and may correct it.
        time.sleep(3)
        found = wait_until(state, f"{run} did not end", seconds=600)
        return None if found == "deleted" else found

    def start_later(self, case: Case) -> set[str]:
        """Start another run, and return the ids of those before it."""
        before = {one["dag_run_id"] for one in self.api.runs(f"restore_{case.collection}")}
        start_run(self.api, case.collection)
        return before

    def wait_for_later(self, case: Case, before: set[str]) -> str:
        """Return the state of the later runs when all have ended: `failed` if one of them is."""

        def states() -> set[str]:
            runs = self.api.runs(f"restore_{case.collection}")
            found = {one["state"] for one in runs if one["dag_run_id"] not in before}
            return found if found.isdisjoint(RUNNING) else set()

        found = wait_until(states, f"the later runs of {case.name} did not end", seconds=900)
        return "failed" if "failed" in found else "success"

    def left(self, case: Case) -> list[str]:
        """Return what is not as it must be when the batch of a case is done."""
        found: list[str] = []
        ledger = upgrade(self.airflow.environment["RESTORATION_LEDGER_URL"])
        with ledger.read() as session:
            mine = Batch.collection == case.collection
            batches = session.scalars(select(Batch).where(mine)).all()
            scans = session.execute(
                select(Scan.path, OutcomeRow.outcome)
                .outerjoin(OutcomeRow, OutcomeRow.scan_id == Scan.id)
                .where(Scan.collection == case.collection)
            )
            outcomes = dict(scans.tuples().all())
            claims = session.scalars(select(Claim).join(Batch, Batch.id == Claim.batch_id).where(mine)).all()
        found += [f"batch {one.name} is {one.state}" for one in batches if one.state in ("receiving", "running")]
        found += [f"{name}: outcome {outcomes.get(name)}" for name in SCANS if outcomes.get(name) != "restored"]
        found += [f"{len(claims)} claims"] if claims else []
        output = self.folder / case.collection / "out"
        reported = {
            row["path"]: row["outcome"]
            for report in sorted(output.glob("reports/*/report.parquet"))
            for row in pq.read_table(report).to_pylist()
        }
        found += [f"{name}: reported as {reported.get(name)}" for name in SCANS if reported.get(name) != "restored"]
        return found + [f"{path.name} is left" for path in output.glob(".work/*")]


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest, full: bool) -> list[Case]:
    """The cases of the selected tests, without those that only the full form has."""
    mine = (item for item in request.session.items if item.path == request.path)
    selected = [item.callspec.params["case"] for item in mine]  # type: ignore[attr-defined]
    return [case for case in selected if full or case.short]


@pytest.fixture(scope="module")
def ended(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory, cases: list[Case]) -> Iterator[dict[str, Ended]]:
    """How each case ended: all runs hang together at their inpainting, so that the table takes minutes."""
    folder = tmp_path_factory.mktemp("buttons")
    entries: dict[str, Any] = {}
    for case in cases:
        fill_inbox(folder / case.collection / "in", SCANS)
        places = {"inbox": str(folder / case.collection / "in"), "output": str(folder / case.collection / "out")}
        entries[case.collection] = places | {"chunk_scans": 1, "recipe": {"engine": "telea", "detector": "none"}}
    masters = {path: digest(path) for path in folder.rglob("*.png")}
    airflow.write(**entries)
    found: dict[str, Ended] = {}
    with airflow.running(AIRFLOW__CORE__PARALLELISM="3") as api:
        operator = Operator(airflow, api, folder)
        began = {case.collection: time.monotonic() for case in cases}
        states: dict[str, list[str | None]] = {}
        runs = {case.collection: start_run(api, case.collection) for case in cases if case.at == DONE}
        for run in runs.values():
            assert wait_for_run(api, run) == "success"
        for case in (case for case in cases if case.at == WORKING):
            run = runs[case.collection] = start_run(api, case.collection)
            operator.stop_at_work(run)
            began[case.collection] = time.monotonic()
            states[case.collection] = operator.press(case, run)
        operator.hold(0)
        hanging = [case for case in cases if case.at == HANGING]
        runs |= {case.collection: start_run(api, case.collection) for case in hanging}
        for case in hanging:
            operator.wait_hanging(runs[case.collection])
        for case in (case for case in cases if case.at != WORKING):
            states[case.collection] = operator.press(case, runs[case.collection])
        operator.hold(2)
        for case in cases:
            if case.state is not None:
                states[case.collection].append(wait_for_run(api, runs[case.collection]))
        later = {case.collection: operator.start_later(case) for case in cases}
        for case in cases:
            state = operator.wait_for_later(case, later[case.collection])
            seconds = time.monotonic() - began[case.collection]
            left = operator.left(case)
            left += [f"{path} changed" for path, before in masters.items() if digest(path) != before]
            found[case.collection] = Ended(states[case.collection], state, left, seconds)
            print(f"{case.at}: {case.name}: {states[case.collection]}, later {state}, left {left or 'nothing'}")
        operator.hold(1)
    yield found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.at}: {case.name}")
def test_a_run_is_green_only_when_its_batch_is_done_and_the_next_finishes_it(
    case: Case, cases: list[Case], ended: dict[str, Ended]
) -> None:
    if case not in cases:
        pytest.skip("the short form presses the buttons that lose most: make faults")
    found = ended[case.collection]
    assert (found.states[-1], found.later, found.left) == (case.state, "success", [])
