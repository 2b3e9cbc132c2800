"""Infrared planes through the stages: beside the scan, on a page, as a fourth channel; and of no use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from image_files import tiff
from PIL import Image
from skimage import data

from pipeline import scans
from pipeline.errors import Reason, UnreadableScan
from pipeline.stages import manifest


def film(dyes: float = 0.03) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A 16-bit slide (160,200,3) with specks of dirt, its infrared plane, and the mask of the dirt."""
    rng = np.random.default_rng(4)
    clean = data.coffee()[100:260, 200:400].astype(np.float64) / 255 * 0.94 + 0.03
    canvas = np.zeros(clean.shape[:2], np.uint8)
    for _ in range(25):
        centre = rng.integers(30, 130, 2)
        cv2.circle(canvas, (int(centre[0]) + 20, int(centre[1])), 2, 255, -1)
    through = 1 - 0.7 * (canvas > 0)
    density = -np.log(clean).sum(axis=2) * dyes
    plane = 0.8 * np.exp(-density) * through * rng.normal(1, 0.01, canvas.shape)
    picture = clean * through[:, :, None] * rng.normal(1, 0.01, clean.shape)
    as_16 = [np.clip(values * 65535, 0, 65535).astype(np.uint16) for values in (picture, plane)]
    return as_16[0], as_16[1], canvas


def restored(project: Any) -> dict[str, Any]:
    project.restore(chunks := project.receive())
    (row,) = manifest.read(manifest.sibling(chunks[0], "published"))
    return {**vars(row), "sidecar": json.loads((project.output / "sidecars/a.json").read_text())}


def put(project: Any, how: str, picture: np.ndarray, plane: np.ndarray) -> Path:
    path: Path = project.inbox / "a.tif"
    if how == "beside":
        tifffile.imwrite(path, picture, photometric="rgb")
        tifffile.imwrite(project.inbox / "a.ir.tif", plane)
    elif how == "sample":
        four = np.dstack([picture, plane])
        tifffile.imwrite(path, four, photometric="rgb", extrasamples=["unspecified"], software="VueScan 9")
    else:
        with tifffile.TiffWriter(path) as file:
            software = "VueScan 9 x64" if how == "named page" else None
            file.write(picture, photometric="rgb", software=software)
            file.write(plane, photometric="minisblack", subfiletype=2)
        # A page of many by its own word, or, as SilverFast has it, a mask of 16 bits, which this writer refuses.
        with tifffile.TiffFile(path, mode="r+b") as file:
            file.pages[1].tags["NewSubfileType"].overwrite(2 if how == "named page" else 4)
    return path


@pytest.mark.parametrize("how", ["beside", "sample", "named page", "mask page"])
def test_dirt_in_infrared_is_repaired(project, how: str) -> None:
    picture, plane, dirt = film()
    put(project, how, picture, plane)
    row = restored(project)
    assert (row["outcome"], row["mask_source"]) == ("restored", "infrared"), row["mask_note"]
    with Image.open(project.output / "masks/a.png") as opened:
        mask = np.asarray(opened)
    assert mask[dirt > 0].mean() > 0.95 * 255
    assert not mask[cv2.dilate(dirt, np.ones((11, 11), np.uint8)) == 0].any()
    assert "infrared plane was used" in row["mask_note"]
    recorded = row["sidecar"]["mask"]
    assert recorded["source"] == "infrared" and "dark in infrared" in recorded["components"][0]["reason"]
    assert (recorded["infrared"] or "").endswith("a.ir.tif") == (how == "beside")
    after = scans.decode((project.output / "restored/a.tif").read_bytes(), "a.tif")
    assert after.pixels.shape == ((160, 200, 4) if how == "sample" else (160, 200, 3))
    if how == "sample":
        assert np.array_equal(after.pixels[:, :, 3], plane), "the plane itself is no picture and stays"


def test_a_recipe_may_ignore_the_plane(project) -> None:
    project.changes["recipe"] = project.collection.recipe.model_copy(update={"infrared": False})
    put(project, "beside", *film()[:2])
    assert restored(project)["outcome"] == "unchanged"


def test_silver_film_falls_back_to_the_detector_and_says_so(project) -> None:
    put(project, "beside", *film(dyes=0.33)[:2])
    row = restored(project)
    assert row["mask_source"] == "none" and "it shows the picture itself" in row["mask_note"]


def test_a_scan_is_processed_without_a_plane_that_cannot_be_read(project) -> None:
    put(project, "beside", *film()[:2])
    (project.inbox / "a.ir.tif").write_bytes(b"II*\0 broken")
    row = restored(project)
    assert row["outcome"] == "unchanged" and "the infrared plane was not used" in row["mask_note"]


def test_a_second_picture_is_still_two_pictures(tmp_path: Path) -> None:
    picture, plane, _ = film()
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture, photometric="rgb")
        file.write(plane, photometric="minisblack")
    with pytest.raises(UnreadableScan) as error:
        scans.inspect((tmp_path / "a.tif").read_bytes(), "a.tif")
    assert error.value.reason is Reason.MULTI_PAGE
    tifffile.imwrite(tmp_path / "b.tif", picture, photometric="rgb")
    with pytest.raises(UnreadableScan, match="without an infrared page"):
        scans.decode_isolated(str(tmp_path / "b.tif"), decoder=scans.INFRARED)


def test_a_declared_alpha_channel_is_none() -> None:
    picture, plane, _ = film()
    content = tiff(np.dstack([picture, plane]), photometric="rgb", extrasamples=["unassalpha"])
    assert scans.inspect(content, "a.tif").infrared == ""
