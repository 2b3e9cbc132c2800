"""Painted masks, protected regions, detector and guards together, through the stages."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from pipeline.settings import MaskLevel, MaskMode
from pipeline.stages import artifacts, manifest, previews
from pipeline.stages.batch import load_batch


def image(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened)


def paint(path: Path, *boxes: tuple[int, int, int, int], shape: tuple[int, int] = (96, 128)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for x, y, width, height in boxes:
        mask[y : y + height, x : x + width] = 255
    Image.fromarray(mask).save(path)
    return mask


def recipe(project: Any, **changes: Any) -> None:
    project.changes["recipe"] = project.changes["recipe"].model_copy(update=changes)


def restored(project: Any) -> dict[str, Any]:
    """The row of the one scan, and its sidecar under `sidecar`."""
    project.restore(chunks := project.receive())
    (row,) = manifest.read(manifest.sibling(chunks[0], "published"))
    text = (project.output / "sidecars/a.json").read_text() if row.sidecar_uri else "{}"
    return {**vars(row), "sidecar": json.loads(text)}


def test_a_mask_may_be_added_to_what_is_found(detecting) -> None:
    recipe(detecting, mask_mode=MaskMode.ADD)
    detecting.put("a.png", painted=False)
    drawn = paint(detecting.inbox / "a.mask.png", (100, 60, 6, 6))
    row = restored(detecting)
    mask = image(detecting.output / "masks/a.png")
    assert mask[drawn > 0].all() and mask[:, 40:43].all() and not mask[20:30, 80:90].any()
    assert row["mask_source"] == "combined" and "white was taken as damage" in row["mask_note"]
    assert json.loads(row["kinds"]) == {"repair": {"manual": 1, "scratch": 1}, "suggest": {"dust": 1}}
    mask = row["sidecar"]["mask"]
    assert mask["source"] == "combined" and mask["given"].endswith("a.mask.png") and mask["protected"] is None
    manual = next(one for one in mask["components"] if one["kind"] == "manual")
    assert manual["reason"] == "painted by a person" and manual["box"] == [100, 60, 6, 6]
    assert "a person and software" in row["sidecar"]["disclosure"]


def test_a_mask_may_protect(detecting) -> None:
    recipe(detecting, mask_mode=MaskMode.PROTECT, level=MaskLevel.SUGGEST)
    detecting.put("a.png", painted=False)
    kept = paint(detecting.inbox / "a.mask.png", (70, 10, 50, 50))
    before = image(detecting.inbox / "a.png")
    row = restored(detecting)
    assert not image(detecting.output / "masks/a.png")[kept > 0].any()
    assert np.array_equal(image(detecting.output / "restored/a.png")[kept > 0], before[kept > 0])
    assert row["outcome"] == "restored" and row["mask_source"] == "detector"
    assert "1 protected place was left as it is" in row["mask_note"]
    assert row["sidecar"]["mask"]["kinds"] == {"repair": {"scratch": 1}}


@pytest.mark.parametrize("mode", list(MaskMode))
def test_a_protected_region_beside_a_scan_holds_in_every_mode(detecting, mode: MaskMode) -> None:
    recipe(detecting, mask_mode=mode)
    detecting.put("a.png")
    kept = paint(detecting.inbox / "a.protect.png", (0, 0, 128, 40))
    before = image(detecting.inbox / "a.png")
    row = restored(detecting)
    after = image(detecting.output / "restored/a.png") if row["outcome"] == "restored" else before
    assert np.array_equal(after[kept > 0], before[kept > 0])
    assert row["outcome"] == ("unchanged" if mode is MaskMode.PROTECT else "restored")
    assert row["sidecar"]["mask"]["protected"].endswith("a.protect.png")
    assert "white is protected" in row["mask_note"]


def test_a_region_of_another_size_is_refused_and_affects_only_its_scan(detecting) -> None:
    detecting.put("a.png", painted=False)
    paint(detecting.inbox / "a.protect.png", shape=(96, 127))
    row = restored(detecting)
    assert (row["outcome"], row["reason"]) == ("quarantined", "mask-mismatch")
    assert "127 × 96 pixels, the scan is 128 × 96" in row["message"]


def test_a_changed_region_is_new_work_and_the_same_is_not(detecting) -> None:
    detecting.put("a.png", painted=False)
    paint(detecting.inbox / "a.protect.png", (0, 0, 10, 10))
    assert restored(detecting)["outcome"] == "restored"
    assert not detecting.receive()
    paint(detecting.inbox / "a.protect.png", (0, 0, 128, 96))
    assert restored(detecting)["outcome"] == "unchanged"


def test_only_the_damage_on_a_face_waits_for_a_person(detecting) -> None:
    small = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)[20:116, 80:208]
    small = np.minimum(small, 250)
    small[:, 39:44] = small[84:88, 4:8] = 255
    Image.fromarray(small).save(detecting.inbox / "a.png")
    row = restored(detecting)
    assert (row["outcome"], row["review_reason"], row["suggested"]) == ("restored", "", 1)
    mask = row["sidecar"]["mask"]
    assert mask["held_back"] == mask["suggested"]["reasons"] == {"face": 1}
    assert [one["left"] for one in mask["components"]] == ["face", ""]
    filled, left = image(detecting.output / "masks/a.png"), image(detecting.output / "suggestions/a.png")
    assert left[:, 39:44].all() and not filled[:, 35:50].any() and filled[84:88, 4:8].all()
    recipe(detecting, face_guard=False)
    assert restored(detecting)["suggested"] == 0, "another recipe, and the guard is off"


def test_a_painted_mask_on_a_face_is_filled(detecting) -> None:
    small = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)[20:116, 80:208]
    Image.fromarray(small).save(detecting.inbox / "a.png")
    paint(detecting.inbox / "a.mask.png", (30, 0, 3, 96))
    row = restored(detecting)
    assert (row["outcome"], row["mask_source"], row["held"]) == ("restored", "manual", "")


def test_the_overlay_shows_doubtful_and_certain_damage_differently(detecting) -> None:
    detecting.put("a.png", painted=False)
    chunks = detecting.receive()
    detecting.restore(chunks)
    (row,) = manifest.read(manifest.sibling(chunks[0], "published"))
    levels = artifacts.read_mask(row.levels_uri)
    assert set(np.unique(levels)) == {0, 128, 255} and (levels[:, 40:43] == 255).all() and levels[25, 85] == 128
    preview = previews.preview_reader(load_batch(detecting.work_area()))(vars(row))
    assert preview is not None and preview.mask is not None
    shown, before = np.asarray(preview.mask).astype(int), np.asarray(preview.before).astype(int)
    scratch, spot = shown[5:90, 41].mean(axis=0), shown[20:30, 80:90].reshape(-1, 3)
    assert scratch[0] > 150 > 100 > scratch[2], "red"
    blue = (spot[:, 2] > spot[:, 0] + 60).mean()
    assert 0.3 < blue < 0.8, "hatched in blue"
    assert np.abs(shown[60:, 60:] - before[60:, 60:]).max() < 40, "nothing else"


def test_masks_on_previews_are_read_whole() -> None:
    grey = Image.fromarray(np.full((40, 60), 90, np.uint8))
    levels = np.zeros((40, 60), np.uint8)
    unmarked = previews.draw_marks(grey, previews.shrink_levels(levels, 1))
    assert np.array_equal(np.asarray(unmarked), np.full((40, 60, 3), 90))
    levels[5, 5] = 128
    target = io.BytesIO()
    previews.draw_marks(grey, previews.shrink_levels(levels, 1)).save(target, "PNG")
    assert (np.asarray(Image.open(target))[4:7, 4:7, 2] > 180).sum() >= 6, "a single doubtful pixel is outlined"


@pytest.mark.parametrize(("height", "width"), [(7, 761), (5, 1154), (3, 4001)])
def test_no_pixel_of_a_mask_is_lost_on_a_smaller_picture(height: int, width: int) -> None:
    for at in (*range(5), *range(width - 5, width), *range(width // 2, width // 2 + 9)):
        levels = np.zeros((height, width), np.uint8)
        levels[at % height, at] = 255
        small = previews.shrink_levels(levels, 1)
        assert small.shape[1] == previews.LONG_SIDE and small.max() == 255, at
    levels[:, :] = 128
    levels[0, 0] = 255
    assert previews.shrink_levels(levels, 3)[-1, -1] == 255, "what is filled lies over what is suggested, upright"
