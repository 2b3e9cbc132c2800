"""Scans are paired with what was delivered with them: by name, then by content and size."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from image_files import png, saved, tiff
from PIL import Image
from small_project import damaged

from pipeline import storage
from pipeline.inbox.companions import by_stem
from pipeline.inbox.contents import Contents
from pipeline.inbox.pairing import Pairing, pair


@pytest.fixture
def paired(tmp_path: Path):
    """Write some files below a folder, and some below a masks folder; return the pairing."""

    def paired(files: dict[str, bytes], folder: dict[str, bytes] | None = None, ledger=None) -> Pairing:
        for root, given in (("in", files), ("m", folder or {})):
            (tmp_path / root).mkdir(exist_ok=True)
            for name, data in given.items():
                path = tmp_path / root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                os.utime(path, (1e9, 1e9))
        listing = list(storage.list_files(str(tmp_path / "in")))
        masks = list(storage.list_files(str(tmp_path / "m")))
        return pair(lambda: listing, masks, Contents(ledger))

    return paired


PHOTO, MASK = map(png, damaged())


def mask_of(found: Pairing, path: str) -> str | None:
    mask = found.of(path).mask
    return mask.path if mask else None


def test_masks_pair_by_name_and_stem(paired) -> None:
    beside = ["box/a.mask.png", "box/b.jpg.mask.TIFF", "lost.mask.png"]
    scans = ["box/a.jpg", "box/a.tif", "box/b.jpg", "box/b.png", "c.tif", "x/c.tif", "e.jpg"]
    folder = ["c.png", "box/a.png", "d.mask.png", "d.tif", "e.tif", "e.png"]
    found = paired(dict.fromkeys([*beside, *scans], b""), dict.fromkeys(folder, b""))
    assert mask_of(found, "box/a.jpg") == mask_of(found, "box/a.tif") == "box/a.mask.png"
    assert mask_of(found, "box/b.jpg") == "box/b.jpg.mask.TIFF" and mask_of(found, "box/b.png") is None
    assert mask_of(found, "c.tif") == "c.png" and mask_of(found, "x/c.tif") is None
    assert mask_of(found, "e.jpg") == "e.png"
    assert [one.path for one in found.orphaned] == ["lost.mask.png"]
    unused = {one.path: one.why for one in found.unused}
    assert unused["box/a.png"].startswith("a.mask.png was taken as the mask of ")
    assert unused["e.tif"] == "e.png was taken as the mask of e.jpg instead"
    assert unused["d.tif"] == "there is no scan of that name"
    assert set(unused) == {"box/a.png", "d.mask.png", "d.tif", "e.tif"}


def test_regions_and_planes_pair_as_masks_do(paired) -> None:
    beside = [
        "a.tif",
        "b.tif",
        "c.tif",
        "a.protect.png",
        "a.mask.png",
        "b.ir.tif",
        "lost.protect.png",
        "a.tif.xmp",
        "c.xmp",
    ]
    found = paired(dict.fromkeys(beside, b"12"), dict.fromkeys(("b.protect.png", "b.png", "a.protect.tif"), b"123"))
    first, second = found.of("a.tif"), found.of("b.tif")
    assert [one.path for one in first.entries] == ["a.mask.png", "a.protect.png"]
    assert [one.path for one in second.entries] == ["b.png", "b.protect.png", "b.ir.tif"]
    assert [one.path for one in found.orphaned] == ["lost.protect.png"]
    assert first.fingerprint.startswith("mask=2:") and "+protect=2:" in first.fingerprint
    assert [one.path for one in first.xmp] == ["a.tif.xmp"] and [one.path for one in found.of("c.tif").xmp] == ["c.xmp"]
    assert found.of("c.tif").fingerprint == "", "metadata is no reason to restore a scan again"
    folder = list(storage.list_files(str(Path(first.entries[0].uri).parents[1] / "m")))
    assert set(by_stem(iter(folder))) == {"b"}, "a protected region is no mask of damage, and no original"


def test_a_scan_that_is_only_named_like_a_mask_stays_a_scan(paired) -> None:
    other = png(damaged(40)[0])
    alone = paired({"carnival_mask.png": PHOTO, "masks/venice.png": PHOTO})
    assert not alone.is_companion("carnival_mask.png") and not alone.is_companion("masks/venice.png")
    beside = paired(
        {
            "carnival.png": PHOTO,
            "carnival_mask.png": other,
            "carnival-mask.tif": saved(Image.open(_file(other)), "TIFF"),
        }
    )
    assert not beside.is_companion("carnival_mask.png") and not beside.is_companion("carnival-mask.tif")
    assert mask_of(beside, "carnival.png") is None and not beside.unused and not beside.orphaned


def test_what_is_named_like_a_mask_and_is_one(paired) -> None:
    painted = np.array(Image.open(_file(PHOTO)).convert("RGB"))
    painted[damaged()[1] > 0] = (255, 0, 0)
    found = paired(
        {
            "a.png": PHOTO, "a_mask.png": MASK, "b.png": PHOTO, "b-mask.png": png(painted), "c.png": PHOTO,
            "c_mask.psd": b"8BPS\0\2" + bytes(60), "box/d.png": PHOTO, "box/masks/d.png": MASK,
            "carnival_mask.png": PHOTO, "carnival_mask.mask.png": MASK,
        }
    )  # fmt: skip
    assert mask_of(found, "a.png") == "a_mask.png" and mask_of(found, "b.png") == "b-mask.png"
    assert mask_of(found, "c.png") == "c_mask.psd", "a mask that cannot be read holds its scan"
    assert mask_of(found, "box/d.png") == "box/masks/d.png"
    assert mask_of(found, "carnival_mask.png") == "carnival_mask.mask.png"


def test_of_two_masks_one_is_used_and_both_are_named(paired) -> None:
    found = paired({"a.tif": PHOTO, "a.mask.png": MASK, "a.mask.tif": MASK, "a_mask.png": MASK}, {"a.png": MASK})
    assert mask_of(found, "a.tif") == "a.mask.png"
    assert [one.path for one in found.unused] == ["a_mask.png", "a.mask.tif", "a.png"]
    assert all("a.mask.png was taken as the mask of a.tif instead" in one.why for one in found.unused)
    assert "a.mask.tif is there too" in found.of("a.tif").note


def test_a_mask_belongs_to_the_scan_of_its_size(paired) -> None:
    small = saved(Image.open(_file(PHOTO)).resize((64, 48)), "JPEG")
    found = paired({"a.jpg": small, "a.tif": tiff(np.array(Image.open(_file(PHOTO)))), "a.mask.png": MASK})
    assert mask_of(found, "a.tif") == "a.mask.png" and mask_of(found, "a.jpg") is None
    # Of no scan's size, it holds both.
    found = paired({"b.jpg": small, "b.tif": PHOTO, "b.mask.png": png(np.zeros((5, 5), np.uint8))})
    assert mask_of(found, "b.tif") == mask_of(found, "b.jpg") == "b.mask.png"


def test_names_are_compared_composed_and_case_is_said(paired) -> None:
    name = unicodedata.normalize("NFD", "Müller Straße.mask.png")
    found = paired({"Müller Straße.tif": PHOTO, name: MASK, "Plate_017.tif": PHOTO, "A.tif": PHOTO, "a.jpg": PHOTO},
                   {"plate_017.png": MASK, "Plate_17.png": MASK, "A.png": MASK})  # fmt: skip
    assert mask_of(found, "Müller Straße.tif") == name
    assert mask_of(found, "Plate_017.tif") == "plate_017.png"
    assert "upper and lower case" in found.of("Plate_017.tif").note
    assert [(one.path, one.why) for one in found.unused] == [("Plate_17.png", "there is no scan of that name")]
    assert mask_of(found, "A.tif") == "A.png" and mask_of(found, "a.jpg") is None, "the exact name comes first"


def test_verdicts_are_kept_in_the_ledger(paired, project, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a.png": PHOTO, "a_mask.png": MASK, "b.png": PHOTO, "b_mask.png": png(damaged(40)[0])}
    first = paired(files, ledger=project.ledger)
    monkeypatch.setattr("pipeline.inbox.contents.is_mask_of", lambda *_: pytest.fail("was read again"))
    again = paired(files, ledger=project.ledger)
    for found in (first, again):
        assert mask_of(found, "a.png") == "a_mask.png" and not found.is_companion("b_mask.png")


def _file(data: bytes):
    import io

    return io.BytesIO(data)
