"""Inpainting: grain, errors of the engine, and smaller batches after memory ran out."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from small_project import published, read_image

from pipeline.engines import inpaint as fill_alone
from pipeline.engines import load_engine
from pipeline.engines.holdout_estimate import held_out, sample
from pipeline.errors import ConfigurationError
from pipeline.ledger import TaskContext
from pipeline.stages import artifacts, fill_scans, manifest
from pipeline.stages.inpaint import MOST_HALVINGS, holdout_seed, inpaint
from pipeline.stages.mask import mask


def test_a_recipe_may_add_grain(project, picture) -> None:
    damaged, marked = picture(0)
    project.put("a.png")
    project.restore(project.receive())
    plain = read_image(project.output / "restored/a.png")
    project.changes["recipe"] = project.collection.recipe.model_copy(update={"grain": True})
    project.restore(chunks := project.receive())
    grainy = read_image(project.output / "restored/a.png")
    assert np.array_equal(grainy[marked == 0], damaged[marked == 0])
    assert not np.array_equal(grainy, plain)
    assert published(chunks)["a.png"].outside_identical
    written = json.loads((project.output / "sidecars/a.json").read_text())
    assert written["recipe"]["grain"] is True
    assert "grain added" in written["engine"]["notes"]
    project.restore(project.receive(redo=True))
    assert np.array_equal(read_image(project.output / "restored/a.png"), grainy)


def test_an_engine_that_fails_on_one_scan_fills_the_others(project, monkeypatch) -> None:
    from pipeline.engines import opencv

    for number in range(3):
        project.put(f"{number}.png", number)
    fill, read = opencv.OpenCVEngine.fill, artifacts.read_master
    chunks = [mask(chunk) for chunk in project.receive()]
    calls, opened = [], []

    def failing(self, images, holes):
        calls.append(images)
        if len(calls) == 1 or opened[-1] == "1.png":
            raise RuntimeError("cannot")
        return fill(self, images, holes)

    def noted(row):
        opened.append(row.path)
        return read(row)

    monkeypatch.setattr(opencv.OpenCVEngine, "fill", failing)
    monkeypatch.setattr(artifacts, "read_master", noted)
    rows = manifest.read(inpaint(chunks[0]))
    assert [row.decision for row in rows] == ["fill", "failed", "fill"]
    assert rows[1].message == "RuntimeError in inpaint: cannot"


def fail_once(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Make the next call of an engine fail; return the list to which each call is added."""
    from pipeline.engines import opencv

    fill, calls = opencv.OpenCVEngine.fill, list[object]()

    def second(self, images, holes):
        calls.append(images)
        if len(calls) == 1:
            raise RuntimeError("the device was busy")
        return fill(self, images, holes)

    monkeypatch.setattr(opencv.OpenCVEngine, "fill", second)
    return calls


def test_an_engine_that_fails_once_fills_a_single_scan_too(project, monkeypatch) -> None:
    project.put("a.png")
    (chunk,) = (mask(chunk) for chunk in project.receive())
    calls = fail_once(monkeypatch)
    (row,) = manifest.read(inpaint(chunk))
    assert row.decision == "fill" and row.filled_uri and len(calls) == 2


def test_an_engine_changed_during_the_batch_stops_the_task(project, monkeypatch) -> None:
    from pipeline.stages import models

    project.put("a.png")
    (chunk,) = (mask(chunk) for chunk in project.receive())
    engine = models._engine("telea", "rn-faithful")
    monkeypatch.setattr(engine, "digest", "0" * 64, raising=False)
    with pytest.raises(ConfigurationError, match="changed since this batch began"):
        inpaint(chunk)


@pytest.mark.parametrize(
    ("context", "share"),
    [
        (TaskContext(try_number=1), 1),
        (TaskContext(try_number=2), 2),
        (TaskContext(try_number=9, memory_ran_out=0), 1),
        (TaskContext(try_number=9, memory_ran_out=3), 8),
        (TaskContext(try_number=99, memory_ran_out=90), 1 << MOST_HALVINGS),
    ],
)
def test_batches_are_halved_after_memory_ran_out_and_the_notes_say_so(
    project, monkeypatch, caplog, context, share
) -> None:
    asked = []

    def fill(jobs, engine, *, batch_pixels, calls, progress):
        asked.append(batch_pixels)
        assert share == 1 or calls == 1
        return original(jobs, engine, batch_pixels=batch_pixels, calls=calls, progress=progress)

    original = fill_scans.inpaint
    monkeypatch.setattr(fill_scans, "inpaint", fill)
    project.put("a.png")
    (chunk,) = project.receive()
    with caplog.at_level(logging.INFO, "pipeline.stages"):
        (row,) = manifest.read(inpaint(mask(chunk), context))
    assert asked == [max(1, load_engine("telea").layout.batch_pixels // share)]
    noted = f"batches of 1/{share} of the usual size"
    assert (noted in row.notes) == (share > 1)
    assert (noted in caplog.text) == (share > 1)


def test_an_estimate_does_not_depend_on_what_is_filled_beside_it(project) -> None:
    engine = load_engine("telea")
    for number in range(3):
        project.put(f"{number}.png", number)
    (chunk,) = project.receive()
    for row in manifest.read(inpaint(mask(chunk))):
        scan, marked = read_image(project.inbox / row.path), artifacts.read_mask(row.mask_uri)
        hidden = held_out("alone", scan, marked, engine.layout, seed=holdout_seed(row))
        alone = [found for one in hidden for filled in fill_alone([one.job], engine) for found in sample(one, filled)]
        assert json.loads(row.held_out_json) == [[one.squares, one.values] for one in alone] != []


def test_a_scan_filled_by_itself_after_an_error_is_estimated_afterwards(project, monkeypatch) -> None:
    from pipeline.stages.measure import measure

    project.put("a.png")
    (chunk,) = (mask(chunk) for chunk in project.receive())
    fail_once(monkeypatch)
    (row,) = manifest.read(filled := inpaint(chunk))
    assert row.filled_uri and not row.held_out_json
    (row,) = manifest.read(measure(filled))
    assert row.estimate_samples
