"""Reconciling: every scan has one outcome, or the task fails and says which has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.stages.batch import InputVanished
from pipeline.stages.reconcile import Unreconciled, reconcile


def test_reconciling_again_returns_the_same(project) -> None:
    project.put("a.png")
    project.restore(chunks := project.receive())
    assert reconcile(project.work_area(), chunks) == reconcile(project.work_area(), chunks)
    with pytest.raises(InputVanished):
        reconcile(project.work_area("never"), [])


def test_a_batch_with_nothing_new_reconciles(project) -> None:
    assert reconcile(project.work_area("b1"), project.receive("b1"))["received"] == 0
    assert not list((project.output / ".work").glob("*"))


def test_a_scan_without_an_outcome_fails_the_task_and_is_released(project) -> None:
    project.put("a.png")
    project.put("b\n.png", 1)
    project.changes["chunk_scans"] = 1
    chunks = project.receive("b1")
    project.restore(chunks[:1])
    with pytest.raises(Unreconciled, match=r'1 of 2 scans received have no outcome \("b\\n.png"\)'):
        reconcile(project.work_area("b1"), chunks)
    assert len(project.receive("b2")) == 1
    project.restore(chunks[1:])
    assert reconcile(project.work_area("b1"), chunks)["restored"] == 2


def test_a_batch_is_done_although_its_last_task_was_killed_while_removing_the_work_area(project) -> None:
    project.put("a.png")
    chunks = project.restore(project.receive("b1"))
    area = Path(project.work_area("b1"))
    document = (area / "batch.json").read_bytes()
    counts = reconcile(project.work_area("b1"), chunks)
    assert not area.exists()
    # What may be left of the work area, with and without the file that names its batch.
    for name in ("batch.json", "half"):
        area.mkdir(parents=True)
        (area / name).write_bytes(document)
        assert reconcile(project.work_area("b1"), chunks) == counts and not area.exists()
