"""Linear and very dark scans are judged and filled in the tones that a viewer shows; ordinary ones are left alone."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import Any

import image_files
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from raw_files import with_chunks
from skimage import data

from pipeline.engines import Job, inpaint, load_engine
from pipeline.metrics import seam
from pipeline.scans import Scan, decode, native_values, oriented_preview, viewed_channels
from pipeline.scans.ipc import receive_scan, send_scan
from pipeline.scans.tones import FULL, Tones, find_tones, is_linear, stretched, unstretched
from pipeline.settings import Recipe
from pipeline.stages import models
from pipeline.stages.fill_scans import native_pixels
from pipeline.stages.measure import _seam

PHOTO = data.camera()[::3, ::3]


def linear(pixels: NDArray[Any] = PHOTO, white: float = 2000) -> NDArray[np.uint16]:
    """Return a photograph whose values are proportional to light, with the noise of a sensor."""
    noise = np.random.default_rng(3).normal(0, white / 200, pixels.shape)
    return np.clip((pixels / 255) ** 2.2 * white + noise, 0, FULL).astype(np.uint16)


def scan_of(pixels: NDArray[Any]) -> Scan:
    return decode(image_files.tiff(pixels), "dark.tif")


def profile(curve: bytes) -> bytes:
    """Return the skeleton of a grey profile with one curve."""
    return bytes(128) + struct.pack(">I4sII", 1, b"kTRC", 144, len(curve)) + curve


def curve(*points: int) -> bytes:
    return b"curv" + struct.pack(f">II{len(points)}H", 0, len(points), *points)


def night() -> NDArray[np.uint16]:
    """Return an ordinary dark photograph: lamps in the night."""
    pixels = (PHOTO // 20).astype(np.uint16) * 257
    pixels[40:56, 60:80] = 60000
    return pixels


@pytest.mark.parametrize("pixels", [PHOTO, (PHOTO // 30), PHOTO.astype(np.uint16) * 257, night(), linear(white=60000)])
def test_ordinary_scans_are_seen_as_they_are(pixels: NDArray[Any]) -> None:
    scan = scan_of(pixels)
    assert scan.tones is None and not scan.notes
    assert viewed_channels(scan) is scan.pixels


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("white", [400, 2000, 6000])
def test_a_dark_scan_is_seen_in_full_tones_whatever_lies_on_it(white: int, channels: int) -> None:
    pixels = linear(white=white)
    pixels[30, :] = FULL  # a scratch
    pixels[90:93, 40:43] = FULL  # a speck
    scan = scan_of(pixels if channels == 1 else np.repeat(pixels[..., None], 3, axis=2))
    assert scan.tones and white * 0.9 < scan.tones.white < white * 1.6
    assert "very dark" in scan.notes[-1]
    seen = viewed_channels(scan)
    assert seen.dtype == np.uint16 and 0.3 < np.median(seen) / FULL < 0.8
    assert (seen[30] == FULL).all()


def test_nothing_but_black_has_no_tones() -> None:
    assert scan_of(np.zeros((20, 20), np.uint16)).tones is None


def test_values_come_back_as_they_were() -> None:
    for tones in (Tones(300), Tones(2151), Tones(FULL)):
        values = np.arange(FULL + 1, dtype=np.uint16)
        shown = stretched(values, tones)
        assert (np.diff(shown.astype(int)) >= 0).all()
        back = np.rint(unstretched(shown.astype(np.float32) / FULL, tones) * FULL)
        inside = values <= tones.white
        assert np.abs(back[inside] - values[inside]).max() <= 2
        assert (back[~inside] == tones.white).all()


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (curve(), True),
        (curve(256), True),
        (curve(563), False),
        (curve(0, 32768, 65535), True),
        (curve(0, 12000, 65535), False),
        (b"para" + struct.pack(">IHHi", 0, 0, 0, 1 << 16), True),
        (b"para" + struct.pack(">IHHi", 0, 0, 0, 2 << 16), False),
        (b"curv\0\0\0\0\0\0\0\x09", False),
    ],
)
def test_a_profile_declares_linear_tones(made: bytes, expected: bool) -> None:
    assert is_linear(profile(made)) is expected
    ordinary = PHOTO.astype(np.uint16) * 257
    assert find_tones(ordinary, profile(made)) == (Tones(FULL) if expected else None)
    assert find_tones(PHOTO, profile(made)) is None


def test_no_profile_and_srgb_are_not_linear() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert not is_linear(None) and not is_linear(b"short") and not is_linear(srgb)


def test_chunks_of_a_png_declare_linear_tones() -> None:
    plain = image_files.png(PHOTO.astype(np.uint16) * 257)
    gamma = (b"gAMA", (100000).to_bytes(4, "big"))
    assert decode(with_chunks(plain, gamma), "a").tones == Tones(FULL)
    assert decode(with_chunks(plain, gamma, (b"sRGB", b"\0")), "a").tones is None
    assert decode(with_chunks(plain, (b"cICP", bytes([9, 8, 0, 1]))), "a").tones == Tones(FULL)
    assert decode(with_chunks(plain, gamma, (b"cICP", bytes([9, 16, 0, 1]))), "a").tones is None


def test_tones_survive_the_sandbox() -> None:
    scan = scan_of(linear())
    descriptor, header = send_scan(scan)
    assert receive_scan(descriptor, header).tones == scan.tones is not None


def test_colours_reach_grey_with_alpha_and_rgb_in_the_scans_own_tones() -> None:
    grey = scan_of(linear())
    mask = np.zeros(grey.pixels.shape, np.uint8)
    mask[50:55, 50:55] = 255
    seen = viewed_channels(grey)[mask > 0].astype(np.float32) / FULL
    colours = np.repeat(seen[:, None], 3, axis=1)
    for mode, pixels in (("LA", np.dstack([grey.pixels] * 2)), ("RGB", np.dstack([grey.pixels] * 3))):
        scan = replace(grey, pixels=pixels, info=replace(grey.info, mode=mode, channels=pixels.shape[2]))
        values = native_values(scan, mask, colours)
        assert np.abs(values.astype(int) - pixels[mask > 0]).max() <= 2


def holes(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    mask[60:72, 30:45] = mask[100:104, 20:140] = mask[20:26, 110:116] = 255
    return mask


@pytest.mark.slow
def test_a_dark_scan_is_filled_as_well_as_classically() -> None:
    scan = scan_of(linear())
    mask = holes(scan.pixels.shape)

    def error(name: str, filled: Scan) -> float:
        (result,) = inpaint([Job("a", viewed_channels(filled), mask)], load_engine(name))
        values = native_pixels(filled, mask, result).astype(float)
        return float(np.sqrt(np.mean((values - scan.pixels[mask > 0]) ** 2)))

    assert error("rn", scan) < 1.1 * error("telea", scan)


def test_the_seam_score_sees_a_wrong_tone_on_a_dark_scan() -> None:
    scan = scan_of(linear())
    mask = holes(scan.pixels.shape)
    wrong = scan.pixels.copy()
    wrong[mask > 0] = np.minimum(wrong[mask > 0].astype(int) + 150, 2000)
    assert seam(scan.pixels, wrong, mask, data_range=FULL).score < 1.5
    assert _seam(scan, wrong, mask) > 2
    assert _seam(scan, scan.pixels, mask) < 1.5


def test_previews_of_a_dark_scan_are_not_black() -> None:
    assert np.median(np.asarray(oriented_preview(scan_of(linear()), 1, 100))) > 60
    with Image.open(io.BytesIO(image_files.png(PHOTO))) as ordinary:
        plain = decode(image_files.png(np.asarray(ordinary)), "a")
    assert np.array_equal(np.asarray(oriented_preview(plain, 1, 400)), PHOTO)


def test_the_rules_of_tones_are_part_of_every_results_key() -> None:
    assert "tones-1" in models.digests(Recipe(engine="telea", detector="none"))
