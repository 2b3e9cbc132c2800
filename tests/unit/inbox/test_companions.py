"""Masks, protected regions and infrared planes are paired with their scans by name."""

from __future__ import annotations

import pytest

from pipeline.inbox import companions
from pipeline.storage import Entry


def entry(path: str, modified: float = 1.0, kind: str = "file") -> Entry:
    return Entry(path=path, uri=f"/in/{path}", size=10, modified=modified, etag="e", kind=kind)  # type: ignore[arg-type]


def test_masks_pair_by_name_and_stem() -> None:
    beside = [entry("box/a.mask.png"), entry("box/b.jpg.mask.TIFF"), entry("lost.mask.png")]
    folder = [entry("c.png"), entry("box/a.png"), entry("d.mask.png"), entry("d.tif"), entry("e.tif"), entry("e.png")]
    masks = companions.CompanionIndex(iter(beside), iter(folder))

    def of(path: str) -> str | None:
        found = masks.of(path).mask
        return found.path if found else None

    assert of("box/a.jpg") == of("box/a.tif") == "box/a.mask.png"
    assert of("box/b.jpg") == "box/b.jpg.mask.TIFF" and of("box/b.png") is None
    assert of("c.tif") == "c.png" and of("x/c.tif") is None
    assert of("e.jpg") == "e.png"
    assert [one.path for one in masks.orphaned()] == ["lost.mask.png"]


def test_regions_and_planes_pair_as_masks_do() -> None:
    beside = [entry("a.protect.png"), entry("a.mask.png"), entry("b.ir.tif"), entry("lost.protect.png")]
    folder = [entry("b.protect.png"), entry("b.png"), entry("a.protect.tif")]
    given = companions.CompanionIndex(iter(beside), iter(folder))
    first, second = given.of("a.tif"), given.of("b.tif")
    assert [one.path for one in first.entries] == ["a.mask.png", "a.protect.png"]
    assert [one.path for one in second.entries] == ["b.png", "b.protect.png", "b.ir.tif"]
    assert [one.path for one in given.orphaned()] == ["lost.protect.png"]
    assert first.fingerprint == "mask=10:e+protect=10:e" and given.of("c.tif").fingerprint == ""
    assert (
        companions.CompanionFiles(mask=beside[1]).fingerprint == "10:e"
        and companions.CompanionFiles(protect=beside[0]).fingerprint == "protect=10:e"
    )
    assert set(companions.by_stem(iter(folder))) == {"b"}, "a protected region is no mask of damage, and no original"


@pytest.mark.parametrize(
    "name", ["photo.mask.png", "box/ä.mask.JPG", "a.jpg.mask.tiff", "x\ny.mask.png", "a.protect.png", "a.IR.tif"]
)
def test_names_of_masks(name: str) -> None:
    assert companions.is_companion(name)


@pytest.mark.parametrize(
    "name", ["mask.png", ".mask.png", "photo.masks.png", "photo.mask.txt", "a.mask.png/b.png", "ir.tif", "a.air.tif"]
)
def test_names_that_are_not_masks(name: str) -> None:
    assert not companions.is_companion(name)
