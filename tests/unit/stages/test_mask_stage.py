"""Masks: only confident damage is filled; doubt goes to review or to quarantine."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import png, saved
from PIL import Image
from small_project import published, read_image


def test_only_confident_damage_is_filled(detecting, picture) -> None:
    detecting.put("a.png", painted=False)
    detecting.restore(chunks := detecting.receive())
    before, marked = picture(0)
    confident = marked.copy()
    confident[:, 64:] = 0
    row = published(chunks)["a.png"]
    assert (row.outcome, row.mask_source, row.components) == ("restored", "detector", 2)
    assert row.mask_note == "1 doubtful place was left as it is"
    assert np.array_equal(read_image(detecting.output / "masks/a.png"), confident)
    after = read_image(detecting.output / "restored/a.png")
    assert np.array_equal(after[confident == 0], before[confident == 0])


def test_a_recipe_may_fill_suspected_damage_too(detecting, picture) -> None:
    from pipeline.settings import MaskLevel

    recipe = detecting.changes["recipe"]
    detecting.changes["recipe"] = recipe.model_copy(update={"level": MaskLevel.SUGGEST})
    detecting.put("a.png", painted=False)
    detecting.restore(detecting.receive())
    assert np.array_equal(read_image(detecting.output / "masks/a.png"), picture(0)[1])


def test_a_doubtful_mask_goes_to_review_and_is_not_filled(detecting, picture) -> None:
    recipe = detecting.changes["recipe"]
    detecting.changes["recipe"] = recipe.model_copy(update={"max_coverage": 0.001})
    detecting.put("a.png", painted=False)
    detecting.restore(chunks := detecting.receive())
    row = published(chunks)["a.png"]
    assert (row.outcome, row.restored_uri) == ("review", "")
    assert np.array_equal(read_image(detecting.output / "masks/a.png"), picture(0)[1])
    assert not (detecting.output / "restored").exists()
    sidecar = json.loads((detecting.output / "sidecars/a.json").read_text())
    assert sidecar["review"] == {"wanted": True, "reason": "more than may be filled without review"}
    assert [one["kind"] for one in sidecar["mask"]["components"]] == ["scratch", "dust"] and sidecar["output"] is None


def test_a_mask_of_another_size_quarantines_its_scan(project) -> None:
    project.put("a.png")
    (project.inbox / "a.mask.png").write_bytes(png(np.zeros((10, 10), np.uint8)))
    project.restore(chunks := project.receive())
    assert published(chunks)["a.png"].reason == "mask-mismatch"


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_a_mask_that_can_be_read_in_two_ways_goes_to_review(detecting, mode: str) -> None:
    from pipeline.settings import MaskMode

    recipe = detecting.changes["recipe"]
    detecting.changes["recipe"] = recipe.model_copy(update={"mask_mode": MaskMode(mode)})
    detecting.put("a.png")
    half = np.zeros(read_image(detecting.inbox / "a.png").shape[:2], np.uint8)
    half[: len(half) * 11 // 20] = 255
    (detecting.inbox / "a.mask.png").write_bytes(png(half))
    detecting.restore(chunks := detecting.receive())
    row = published(chunks)["a.png"]
    assert (row.outcome, row.restored_uri) == ("review", "")
    assert "a.mask.png" in row.review_reason and "white or black" in row.review_reason


def test_an_edited_suggestion_lies_as_the_suggestion_did(detecting, picture) -> None:
    """The documented way to accept suggestions works on a scan that is shown turned."""
    exif = Image.Exif()
    exif[0x0112] = 3
    before, marked = picture(0)
    recipe = detecting.changes["recipe"]
    detecting.changes["recipe"] = recipe.model_copy(update={"max_coverage": 0.001})
    (detecting.inbox / "a.png").write_bytes(saved(Image.fromarray(before), "PNG", exif=exif))
    detecting.restore(detecting.receive())
    suggested = read_image(detecting.output / "suggestions/a.png")
    assert np.array_equal(suggested, marked)
    (detecting.inbox / "a.mask.png").write_bytes(png(suggested))
    detecting.restore(chunks := detecting.receive())
    row = published(chunks)["a.png"]
    assert row.outcome == "restored" and "published before" in row.mask_note
    assert np.array_equal(read_image(detecting.output / "masks/a.png"), marked)
