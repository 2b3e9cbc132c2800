"""Masks: only confident damage is filled; doubt goes to review or to quarantine."""

from __future__ import annotations

import json

import numpy as np
from image_files import png
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
