"""What all stages on a chunk share: one failing scan stops only itself, and finished work is skipped."""

from __future__ import annotations

import hashlib
import json
import logging

import numpy as np
import pytest
from small_project import published, read_image
from sqlalchemy import select

from pipeline.errors import ConfigurationError, OutputNotWritable, StoreUnavailable
from pipeline.imaging.mapped import NoRoom
from pipeline.ledger import TaskContext
from pipeline.ledger.tables import Event
from pipeline.settings import settings
from pipeline.stages import artifacts, chunk_stage, manifest
from pipeline.stages.inpaint import inpaint
from pipeline.stages.mask import mask
from pipeline.stages.measure import measure
from pipeline.stages.order import Stage
from pipeline.stages.previews import THUMBS
from pipeline.stages.publish import publish
from pipeline.stages.reconcile import reconcile


def test_all_stages_restore_a_scan_and_change_nothing_else(project, picture) -> None:
    project.put("box/a.png")
    project.put("clean.png", 1, painted=False)
    before = {path: path.read_bytes() for path in project.inbox.rglob("*.png")}
    chunks = project.receive()
    project.restore(chunks)
    found = published(chunks)
    assert {path: row.outcome for path, row in found.items()} == {"box/a.png": "restored", "clean.png": "unchanged"}
    damaged, marked = picture(0)
    after = read_image(project.output / "restored/box/a.png")
    assert np.array_equal(after[marked == 0], damaged[marked == 0]) and not np.array_equal(after, damaged)
    assert np.array_equal(read_image(project.output / "masks/box/a.png"), marked)
    row = found["box/a.png"]
    data = (project.output / "restored/box/a.png").read_bytes()
    assert row.restored_sha256 == hashlib.sha256(data).hexdigest() and row.restored_bytes == len(data)
    assert row.outside_identical and row.changed_share <= row.coverage
    assert row.estimate_samples is not None and np.isnan(row.psnr)
    assert not (project.output / "restored/clean.png").exists()
    assert json.loads((project.output / "sidecars/clean.json").read_text())["outcome"] == "unchanged"
    assert {path: path.read_bytes() for path in project.inbox.rglob("*.png")} == before
    counts = reconcile(project.work_area(), chunks)
    assert (counts["restored"], counts["unchanged"], counts["received"]) == (1, 1, 2)
    assert not list((project.output / ".work").glob("*"))
    assert not [path for path in project.output.rglob(".*") if path.name not in (".work", THUMBS)]


def test_the_same_bytes_are_filled_once_and_published_twice(detecting, monkeypatch) -> None:
    detecting.put("a.png", painted=False)
    detecting.put("b.png", painted=False)
    detecting.restore(chunks := detecting.receive())
    found = published(chunks)
    assert found["a.png"].outcome == found["b.png"].outcome == "restored"
    assert found["a.png"].restored_sha256 == found["b.png"].restored_sha256
    detecting.put("later/c.png", painted=False)
    monkeypatch.setattr("pipeline.stages.fill_scans.inpaint", None)
    detecting.restore(chunks := detecting.receive())
    later = published(chunks)["later/c.png"]
    assert later.restored_sha256 == found["a.png"].restored_sha256
    assert later.coverage == found["a.png"].coverage and later.mask_out_uri.endswith("masks/later/c.png")
    sidecar = json.loads((detecting.output / "sidecars/later/c.json").read_text())
    assert sidecar["master"]["same_bytes_as"] == "a.png" and sidecar["engine"]["name"] == "telea"


def test_an_undecodable_scan_is_quarantined_and_the_others_are_restored(project) -> None:
    project.put("a.png")
    project.put("z.png", 2)
    whole = project.put("m.png", 1).read_bytes()
    (project.inbox / "m.png").write_bytes(whole[:600] + bytes(200) + whole[800:])
    (project.inbox / "note <b>.tif").write_text("x")
    project.restore(chunks := project.receive())
    found = published(chunks)
    assert [row.outcome for row in found.values()] == ["restored", "quarantined", "quarantined", "restored"]
    folder = project.output / "quarantine/b1"
    assert (folder / "m.png").read_bytes() == (project.inbox / "m.png").read_bytes()
    reason = json.loads((folder / "note <b>.tif.reason.json").read_text())
    assert reason["reason"] == "not-an-image" and reason["message"] and reason["copy"].endswith("note <b>.tif")


def test_an_unexpected_error_fails_one_scan_and_is_logged(project, monkeypatch, caplog) -> None:
    project.put("a.png")
    project.put("b.png", 1)
    master = artifacts.read_master
    monkeypatch.setattr(artifacts, "read_master", lambda row: 1 / 0 if row.path == "a.png" else master(row))
    chunks = project.receive()
    with caplog.at_level(logging.INFO):
        project.restore(chunks)
    found = published(chunks)
    assert found["b.png"].outcome == "restored"
    assert (found["a.png"].outcome, found["a.png"].reason) == ("failed", "error")
    assert "ZeroDivisionError in mask" in found["a.png"].message
    assert "Traceback" in caplog.text
    assert any('scan="b.png"' in line and "stage=publish decision=restored" in line for line in caplog.messages)


@pytest.mark.parametrize("error", [StoreUnavailable("busy"), ConfigurationError("wrong")])
def test_an_error_outside_the_scan_stops_the_task(project, monkeypatch, error: Exception) -> None:
    project.put("a.png")
    (chunk,) = project.receive()

    def refuse(row):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "read_master", refuse)
        with pytest.raises(type(error)):
            mask(chunk)
    assert mask(chunk) == manifest.sibling(chunk, "masked")
    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "read_master", refuse)
        with pytest.raises(type(error)):
            inpaint(chunk)


def test_out_of_memory_is_retried_before_the_scan_fails(project, monkeypatch) -> None:
    project.put("a.png")
    (chunk,) = project.receive()

    def refuse(row):
        raise MemoryError

    monkeypatch.setattr(artifacts, "read_master", refuse)
    with pytest.raises(MemoryError):
        mask(chunk, TaskContext(try_number=1))
    (row,) = manifest.read(mask(chunk, TaskContext(try_number=3)))
    assert row.reason == "out-of-memory"


def test_attempts_that_waited_do_not_count_as_out_of_memory(project, monkeypatch) -> None:
    from pipeline.stages import artifacts

    def refuse(row):
        raise MemoryError

    project.put("a.png")
    (chunk,) = project.receive()
    monkeypatch.setattr(artifacts, "read_master", refuse)
    for ran_out in (0, 1):
        with pytest.raises(MemoryError):
            mask(chunk, TaskContext(try_number=20, memory_ran_out=ran_out))
    (row,) = manifest.read(mask(chunk, TaskContext(try_number=21, memory_ran_out=2)))
    assert row.reason == "out-of-memory"


def test_finished_stages_are_skipped(project, monkeypatch) -> None:
    project.put("a.png")
    chunks = project.receive()
    first = project.restore(chunks)
    monkeypatch.setattr(artifacts, "read_master", None)
    assert project.restore(chunks) == first


def test_events_and_sidecars_name_the_task(project) -> None:
    project.put("a.png")
    project.restore(project.receive(), TaskContext("restore_c", "run 1", "chunk.publish", 4, 2))
    with project.ledger.read() as session:
        event = session.scalars(select(Event).where(Event.decision == "restored")).one()
    assert (event.dag_id, event.run_id, event.task_id, event.map_index, event.try_number) == (
        "restore_c",
        "run 1",
        "chunk.publish",
        4,
        2,
    )
    run = json.loads((project.output / "sidecars/a.json").read_text())["run"]
    assert (run["map_index"], run["try_number"], run["code_version"]) == (4, 2, "test")


@pytest.mark.parametrize("stage", ["mask", "inpaint", "publish"])
def test_a_scan_without_memory_beside_others_is_done_by_itself(project, monkeypatch, stage: str) -> None:
    monkeypatch.setattr(chunk_stage, "cores", lambda: 3)
    for number in range(3):
        project.put(f"{number}.png", number)
    (chunk,) = project.receive()
    read, tries = artifacts.read_master, []

    def too_little(row):
        if row.path == "1.png" and len(tries) < 2:
            tries.append(row.path)
            if len(tries) == 1:
                raise MemoryError
        return read(row)

    functions = {"mask": mask, "inpaint": inpaint, "measure": measure, "publish": publish}
    for name, function in functions.items():
        with monkeypatch.context() as patched:
            if name == stage:
                patched.setattr(artifacts, "read_master", too_little)
            chunk = function(chunk)
    assert len(tries) == 2
    assert [row.outcome for row in manifest.read(chunk)] == ["restored"] * 3


@pytest.mark.parametrize("stage", [mask, inpaint, publish])
def test_a_full_disk_for_temporary_files_fails_no_scan(project, monkeypatch, stage) -> None:
    project.put("a.png")
    (chunk,) = project.receive()

    def full(row):
        raise NoRoom(28, "/scratch: no room")

    for function in (mask, inpaint, measure, publish):
        with monkeypatch.context() as patched:
            if function is stage:
                patched.setattr(artifacts, "read_master", full)
                with pytest.raises(OutputNotWritable, match="/scratch: no room"):
                    function(chunk)
        chunk = function(chunk)
    assert [row.outcome for row in manifest.read(chunk)] == ["restored"]


def test_tasks_share_the_cores_but_inpainting_has_all(monkeypatch) -> None:
    monkeypatch.setattr(chunk_stage, "cores", lambda: 8)
    monkeypatch.setenv("RESTORATION_TASK_SLOTS", "4")
    settings.cache_clear()
    assert [chunk_stage.workers(Stage.PUBLISH, chunks) for chunks in (1, 2, 4, 40)] == [8, 4, 2, 2]
    assert [chunk_stage.workers(Stage.INPAINT, chunks) for chunks in (1, 40)] == [8, 8]
    settings.cache_clear()
