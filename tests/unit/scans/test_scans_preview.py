"""Previews are upright, small, and show colours as viewers do."""

from __future__ import annotations

import io

import numpy as np
import pytest
from image_files import saved
from PIL import Image, ImageCms, ImageOps
from skimage import data

from pipeline.scans import Scan, decode, oriented_preview

PHOTO = data.astronaut()[:200, :300]


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_shown_as_in_viewers(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    content = saved(Image.fromarray(PHOTO), "PNG", exif=exif)
    scan = decode(content, "a")
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
    found = oriented_preview(scan, scan.info.orientation, 1000)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(upright))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("wide", [False, True])
def test_every_mode_becomes_8_bit_grey_or_rgb(mode: str, wide: bool) -> None:
    pixels = np.asarray(Image.fromarray(PHOTO).convert(mode))
    scan = decode(saved(Image.fromarray(PHOTO).convert(mode), "TIFF"), "a")
    if wide:
        scan = Scan(pixels.astype(np.uint16) * 257, scan.info, scan.metadata)
    found = oriented_preview(scan, 1, 100)
    assert found.size == (100, 67)
    assert found.mode == ("L" if mode in ("L", "LA") else "RGB")
    expected = Image.fromarray(PHOTO).convert("L").resize((100, 67), Image.Resampling.BOX)
    difference = np.abs(np.asarray(found.convert("L")).astype(int) - np.asarray(expected))
    assert difference.mean() < 4


def test_arrays_are_accepted_and_nothing_is_enlarged() -> None:
    assert oriented_preview(PHOTO, 6, 5000).size == (200, 300)
    assert oriented_preview(PHOTO.astype(np.uint16) * 257, 1, 150).size == (150, 100)
    assert oriented_preview(PHOTO[..., 0], 1, 150).mode == "L"
    assert oriented_preview(np.zeros((1, 5000, 3), np.uint8), 1, 100).size == (100, 1)


def test_a_profile_is_applied() -> None:
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    same = oriented_preview(decode(saved(Image.fromarray(PHOTO), "PNG", icc_profile=bytes(srgb)), "a"), 1, 300)
    assert np.abs(np.asarray(same).astype(int) - PHOTO).max() <= 2
    # Red and blue change places in the profile's table of contents.
    red, blue = srgb.index(b"rXYZ"), srgb.index(b"bXYZ")
    srgb[red : red + 4], srgb[blue : blue + 4] = b"bXYZ", b"rXYZ"
    swapped = oriented_preview(decode(saved(Image.fromarray(PHOTO), "PNG", icc_profile=bytes(srgb)), "a"), 1, 300)
    assert np.abs(np.asarray(swapped).astype(int) - PHOTO[..., ::-1]).mean() < 2


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_broken_or_unsuitable_profile_does_not_prevent_a_preview(mode: str) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (b"no profile", srgb):
        content = saved(Image.fromarray(PHOTO).convert(mode), "TIFF", icc_profile=profile)
        found = oriented_preview(decode(content, "a"), 1, 100)
        assert found.mode == ("L" if mode == "L" else "RGB")
