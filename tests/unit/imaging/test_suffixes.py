"""Which file names are accepted as images, by what they are for."""

from __future__ import annotations

from pipeline.imaging.suffixes import COMPANION_SUFFIXES, IMAGE_SUFFIXES, PHOTO_SUFFIXES, has_image_suffix


def test_scans_may_have_every_suffix() -> None:
    assert sorted(IMAGE_SUFFIXES) == [
        ".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpf", ".jpg",
        ".jpx", ".jxl", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".sgi", ".tga", ".tif", ".tiff", ".webp",
    ]  # fmt: skip


def test_companion_files_may_have_more_and_photographs_fewer() -> None:
    assert IMAGE_SUFFIXES < COMPANION_SUFFIXES and {".psd", ".xcf"} < COMPANION_SUFFIXES
    assert sorted(PHOTO_SUFFIXES) == [".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]


def test_capitals_do_not_matter_and_only_the_last_suffix_counts() -> None:
    assert has_image_suffix("box/A.TIF") and has_image_suffix("a.txt.png")
    assert not has_image_suffix("a.png.txt") and not has_image_suffix("png") and not has_image_suffix(".png")
