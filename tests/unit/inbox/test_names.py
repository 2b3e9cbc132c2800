"""What names say of the scan that a file belongs to."""

from __future__ import annotations

import unicodedata

import pytest

from pipeline.imaging.suffixes import COMPANION_SUFFIXES
from pipeline.inbox.names import companion_name, is_companion, name_in_masks_folder


@pytest.mark.parametrize(
    ("name", "role", "scan"),
    [
        ("photo.mask.png", "mask", "photo"),
        ("box/ä.mask.JPG", "mask", "box/ä"),
        ("a.jpg.mask.tiff", "mask", "a.jpg"),
        ("x\ny.mask.png", "mask", "x\ny"),
        ("a.protect.png", "protect", "a"),
        ("a.IR.tif", "ir", "a"),
        ("a.Maske.png", "mask", "a"),
        ("a.mask.psd", "mask", "a"),
        ("a.mask.xcf", "mask", "a"),
        ("a.tif.xmp", "xmp", "a.tif"),
        ("a.XMP", "xmp", "a"),
    ],
)
def test_names_that_are_sure(name: str, role: str, scan: str) -> None:
    found = companion_name(name)
    assert found is not None and found.sure and (found.role, found.scans) == (role, (scan,))


@pytest.mark.parametrize(
    ("name", "scan"),
    [
        ("photo_mask.png", "photo"),
        ("photo-mask.tif", "photo"),
        ("box/photo mask.PNG", "box/photo"),
        ("photo.tif_mask.png", "photo.tif"),
        ("photo_-_Maske.jp2", "photo"),
        ("photo_mask001.png", "photo"),
        ("box/masks/01.jpg.png", "box/01.jpg"),
        ("box/masks/photo.png", "box/photo"),
        ("Masken/photo.tif", "photo"),
        ("box/mask/photo_mask.png", "box/mask/photo"),
    ],
)
def test_names_that_are_masks_only_beside_their_scan(name: str, scan: str) -> None:
    found = companion_name(name)
    assert found is not None and not found.sure and found.scans[0] == scan
    assert not is_companion(name)


@pytest.mark.parametrize(
    "name",
    ["mask.png", ".mask.png", "_mask.png", "photo.masks.png", "photo.mask.txt", "a.mask.png/b.png", "ir.tif",
     "a.air.tif", "damask.png", "unmasked.tif", ".xmp", "masks.png"],
)  # fmt: skip
def test_names_of_scans(name: str) -> None:
    assert companion_name(name) is None


def test_every_picture_in_a_masks_folder_is_a_mask() -> None:
    for name, scans in (
        ("box/a.png", ("box/a",)),
        ("a.mask.png", ("a",)),
        ("a_mask.png", ("a_mask", "a")),
        ("a.tif.png", ("a.tif",)),
    ):
        found = name_in_masks_folder(name)
        assert found is not None and found.scans == scans
    assert name_in_masks_folder("notes.txt") is None


def test_names_are_compared_composed() -> None:
    name = "Müller Straße.mask.png"
    spellings = {companion_name(unicodedata.normalize(form, name)).scans for form in ("NFC", "NFD")}  # type: ignore[union-attr]
    assert spellings == {("Müller Straße",)}


def test_every_companion_suffix_is_recognised() -> None:
    assert all(is_companion(f"a.mask{suffix}") for suffix in COMPANION_SUFFIXES)
