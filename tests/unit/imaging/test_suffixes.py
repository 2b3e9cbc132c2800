"""Which file names are accepted as images, by what they are for."""

from __future__ import annotations

from pipeline.imaging.suffixes import COMPANION_SUFFIXES, IMAGE_SUFFIXES, PHOTO_SUFFIXES, has_image_suffix
from pipeline.inbox.companions import is_companion


def test_scans_may_have_every_suffix() -> None:
    assert sorted(IMAGE_SUFFIXES) == [
        ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".jpx", ".png", ".tif", ".tiff", ".webp",
    ]  # fmt: skip


def test_companion_files_and_photographs_may_have_fewer() -> None:
    assert sorted(COMPANION_SUFFIXES) == [".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]
    assert sorted(PHOTO_SUFFIXES) == [".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]


def test_capitals_do_not_matter_and_only_the_last_suffix_counts() -> None:
    assert has_image_suffix("box/A.TIF") and has_image_suffix("a.txt.png")
    assert not has_image_suffix("a.png.txt") and not has_image_suffix("png") and not has_image_suffix(".png")


def test_every_companion_suffix_is_recognised_in_a_name() -> None:
    assert all(is_companion(f"a.mask{suffix}") for suffix in COMPANION_SUFFIXES)
    assert not any(is_companion(f"a.mask{suffix}") for suffix in IMAGE_SUFFIXES - COMPANION_SUFFIXES)
