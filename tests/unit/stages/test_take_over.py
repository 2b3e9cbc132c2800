"""A batch whose run has ended is continued by the next run, and one whose run goes on is left to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from pipeline.ledger import TaskContext, batches, claims, events
from pipeline.ledger.batches import BatchState
from pipeline.ledger.tables import Batch, Claim
from pipeline.settings import Recipe
from pipeline.stages import manifest
from pipeline.stages.take_over import TakenOver


def of_run(run: str) -> TaskContext:
    return TaskContext(dag_id="restore_c", run_id=run, task_id="receive")


def receive(project: Any, run: str, *active: str, **given: Any) -> list[str]:
    """Receives as a run does, whose own batch has its name, while some runs are queued or running."""
    return project.receive(run, context=of_run(run), run_is_active=lambda _, one: one in active, **given)


def batch_of(project: Any, name: str) -> Batch:
    with project.ledger.read() as session:
        return batches.get(session, "c", name)


def paths(chunks: list[str]) -> list[str]:
    return [row.path for chunk in chunks for row in manifest.read(chunk)]


@pytest.fixture
def left(project: Any) -> list[str]:
    """The chunks of a batch of three scans, of which one is published, and whose run then ended."""
    project.changes["chunk_scans"] = 1
    for number in range(3):
        project.put(f"{number}.png", number)
    chunks = receive(project, "first", "first")
    project.restore(chunks[:1])
    return chunks


def test_the_next_run_continues_the_batch_immediately_and_leaves_what_is_new(project, left: list[str]) -> None:
    project.put("new.png", 3)
    assert receive(project, "second", "second", limit=1) == left
    row = batch_of(project, "first")
    assert (row.run_id, row.state) == ("second", BatchState.RUNNING)
    assert json.loads(Path(project.work_area("first"), "batch.json").read_text())["run_id"] == "second"
    assert not Path(project.work_area("second")).exists()
    with project.ledger.read() as session:
        assert batches.of_run(session, "restore_c", "second").id == row.id
        assert batches.of_run(session, "restore_c", "first") is None
        assert session.scalar(select(func.count()).select_from(Claim).where(Claim.batch_id == row.id)) == 2
    # Another attempt of the same task, and another run beside it.
    assert receive(project, "second", "second") == left
    assert paths(receive(project, "third", "second", "third")) == ["new.png"]


def test_a_batch_whose_run_goes_on_is_left_to_it(project, left: list[str]) -> None:
    assert receive(project, "second", "first", "second") == []
    assert batch_of(project, "first").run_id == "first"
    assert batch_of(project, "second").claimed_elsewhere == 2


def test_a_run_that_is_cleared_after_another_took_its_batch_says_so(project, left: list[str]) -> None:
    receive(project, "second", "second")
    with pytest.raises(TakenOver, match="run second continues batch first"):
        receive(project, "first", "first", "second")
    # Once that one has ended too, the batch comes back.
    assert receive(project, "first", "first") == left
    assert batch_of(project, "first").run_id == "first"


def test_a_cleared_run_goes_on_with_its_own_batch_and_claims(project, left: list[str]) -> None:
    with project.ledger.write() as session:
        claims.release(session, batch_of(project, "first").id)
    assert receive(project, "first", "first") == left
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 2


@pytest.mark.parametrize("why", ["recipe", "reported", "receiving", "work area"])
def test_a_batch_that_cannot_be_continued_frees_its_scans(project, left: list[str], why: str) -> None:
    row = batch_of(project, "first")
    expected = ["1.png", "2.png"]
    if why == "recipe":
        project.changes["recipe"] = Recipe(engine="navier-stokes", detector="none")
        project.changes["redo"] = "changed"
        expected = ["0.png", "1.png", "2.png"]
    with project.ledger.write() as session:
        if why == "reported":
            events.append(session, row.id, of_run("first"), [events.EventRecord(None, "report", decision="written")])
        if why == "receiving":
            session.get(Batch, row.id).state = str(BatchState.RECEIVING)
    if why == "work area":
        Path(project.work_area("first"), "batch.json").unlink()
    assert paths(receive(project, "second", "second")) == expected
    assert batch_of(project, "first").state == BatchState.ABANDONED
    # Clearing the first run begins its batch again, with what is left: nothing while the second works.
    assert receive(project, "first", "first", "second") == []
    assert batch_of(project, "first").state == BatchState.RUNNING


def test_of_two_runs_one_takes_over(project, left: list[str]) -> None:
    row = batch_of(project, "first")
    with project.ledger.write() as session:
        assert batches.hand_over(session, row, of_run("second"))
    with project.ledger.write() as session:
        assert not batches.hand_over(session, row, of_run("third"))
