"""Figures for monitoring agree with what was done."""

from __future__ import annotations

import pytest

from pipeline.ledger import Outcome
from pipeline.stages.order import CHUNK_STAGES, Stage, load_stage
from pipeline.stages.reconcile import reconcile
from pipeline.stages.telemetry import CollectionState, collection_state, stage_work


def test_the_work_of_each_stage_is_counted_once_for_the_same_bytes(project) -> None:
    project.put("a.png")
    project.put("b.png", 1, painted=False)
    project.put("copy of b.png", 1, painted=False)
    [chunk] = project.receive()
    done = {}
    for stage in CHUNK_STAGES:
        chunk = load_stage(stage)(chunk, None)
        done[stage] = stage_work(chunk, stage)
    # Two contents, of which one has nothing to fill.
    assert {stage: work.scans for stage, work in done.items()} == {
        Stage.MASK: 2, Stage.INPAINT: 1, Stage.MEASURE: 1, Stage.PUBLISH: 2,
    }  # fmt: skip
    assert all(work.pixels == work.scans * 96 * 128 and work.seconds > 0 for work in done.values())


def test_of_a_batch_that_is_done_there_is_no_work_to_count(project) -> None:
    project.put("a.png")
    chunks = project.restore(project.receive("b1"))
    reconcile(project.work_area("b1"), chunks)
    with pytest.raises(FileNotFoundError):
        stage_work(chunks[0], CHUNK_STAGES[0])


def test_a_collection_waits_until_its_batch_is_done(project) -> None:
    assert collection_state("c") == CollectionState()
    for number, name in enumerate(["a.png", "b.png", "c.png"]):
        project.put(name, number)
    project.changes["chunk_scans"] = 1
    chunks = project.receive("b1")
    project.restore(chunks[:1])
    state = collection_state("c")
    assert (state.waiting, state.outcomes, state.last_done) == (2, {Outcome.RESTORED: 1}, None)
    project.restore(chunks[1:])
    reconcile(project.work_area("b1"), chunks)
    state = collection_state("c")
    assert (state.waiting, state.outcomes) == (0, {Outcome.RESTORED: 3})
    assert state.last_done is not None
    assert collection_state("another") == CollectionState()


def test_open_marks_wait_for_a_person(detecting) -> None:
    detecting.put("a.png", painted=False)
    detecting.changes["recipe"] = detecting.collection.recipe.model_copy(update={"detector": "classical"})
    detecting.restore(detecting.receive())
    state = collection_state("c")
    assert (state.reviews, state.marks) == (1, 1)
