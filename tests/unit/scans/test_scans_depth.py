"""Scans of 1 to 15 bits come back as they were, with fills that they can store; neutral scans stay neutral."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from image_files import saved, tiff
from PIL import Image
from raw_files import png_of_bits
from skimage import data

from pipeline.scans import Scan, decode, encode, native_values, output_extension
from pipeline.scans.depth import are_levels, packed, to_full_range, to_levels

GREY = np.ascontiguousarray(data.astronaut()[40:201, 150:341, 1])
MASK = np.zeros(GREY.shape, np.uint8)
MASK[50:90, 60:101] = 255


def filled(content: bytes) -> tuple[Scan, bytes]:
    """Return a scan, and its derivative with a fill of many tones."""
    scan = decode(content, "scan")
    tones = np.random.default_rng(4).random((np.count_nonzero(MASK), 3)).astype(np.float32)
    pixels = scan.pixels.copy()
    pixels[MASK > 0] = native_values(scan, MASK, tones)
    return scan, encode(replace(scan, pixels=pixels), output_extension(scan))


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14, 16])
def test_a_tiff_keeps_its_bits(bits: int) -> None:
    levels = GREY >> (8 - bits) if bits <= 8 else GREY.astype(np.uint16) << (bits - 8)
    options = {"bitspersample": bits} if bits not in (1, 8, 16) else {}
    content = tiff(levels.astype(bool) if bits == 1 else levels, photometric="minisblack", **options)
    scan, written = filled(content)
    with tifffile.TiffFile(io.BytesIO(written)) as file:
        assert file.pages[0].bitspersample == bits
        found = file.pages[0].asarray()
    np.testing.assert_array_equal(found[MASK == 0], levels[MASK == 0])
    assert len(np.unique(found[MASK > 0])) == min(2**bits, len(np.unique(found[MASK > 0])))
    assert decode(written, "again").info.stored_bits == scan.info.stored_bits


@pytest.mark.parametrize("compression", ["group3", "group4", "raw", "packbits", "tiff_lzw"])
def test_a_bilevel_tiff_stays_bilevel(compression: str) -> None:
    image = Image.fromarray(GREY).convert("1")
    _, written = filled(saved(image, "TIFF", compression=compression))
    with Image.open(io.BytesIO(written)) as again:
        assert again.mode == "1"
        np.testing.assert_array_equal(np.asarray(again)[MASK == 0], np.asarray(image)[MASK == 0])


def test_a_bilevel_scan_that_stores_white_as_zero_looks_the_same() -> None:
    image = np.asarray(Image.fromarray(GREY).convert("1"))
    _, written = filled(tiff(~image, photometric="miniswhite"))
    with Image.open(io.BytesIO(written)) as again:
        np.testing.assert_array_equal(np.asarray(again)[MASK == 0], image[MASK == 0])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_png_keeps_its_bits(bits: int) -> None:
    levels = GREY >> (8 - bits)
    _, written = filled(png_of_bits(levels, bits, 0))
    assert written[24] == bits
    assert written[25] == 0
    with Image.open(io.BytesIO(written)) as again:
        shown = np.asarray(again.convert("L"))
    np.testing.assert_array_equal(shown[MASK == 0], to_full_range(levels, bits)[MASK == 0])


def test_a_palette_becomes_colours_and_says_so() -> None:
    palette = Image.fromarray(data.astronaut()[:80, :90]).quantize(50)
    for kind in ("PNG", "TIFF", "GIF", "BMP"):
        scan = decode(saved(palette, kind), "scan")
        assert scan.mode == "RGB"
        assert any("palette" in note for note in scan.notes)


@given(st.integers(1, 15), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_levels_survive_scaling_and_packing(bits: int, height: int, width: int, seed: int) -> None:
    levels = np.random.default_rng(seed).integers(0, 2**bits, (height, width), dtype=np.uint16)
    pixels = to_full_range(levels if bits > 8 else levels.astype(np.uint8), bits)
    np.testing.assert_array_equal(to_levels(pixels, bits), levels)
    assert are_levels(pixels, bits)
    rows = np.unpackbits(packed(levels, bits), axis=1)[:, : width * bits].reshape(height, width, bits)
    np.testing.assert_array_equal(rows @ (1 << np.arange(bits)[::-1]), levels)


def test_pixels_that_few_bits_cannot_store_are_written_with_all() -> None:
    scan = decode(tiff(GREY >> 4, bitspersample=4, photometric="minisblack"), "scan")
    pixels = scan.pixels ^ 1
    np.testing.assert_array_equal(decode(encode(replace(scan, pixels=pixels), ".tif"), "again").pixels, pixels)


NEUTRAL = np.repeat(GREY[..., None], 3, axis=2)


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.fromarray(NEUTRAL), "PNG"),
        saved(Image.fromarray(NEUTRAL), "JPEG"),
        tiff(NEUTRAL.astype(np.uint16) * 257, photometric="rgb"),
        saved(Image.fromarray(NEUTRAL).convert("RGBA"), "PNG"),
    ],
    ids=["png", "jpeg", "tiff-16", "rgba"],
)
def test_a_neutral_picture_in_colour_gets_neutral_fills(content: bytes) -> None:
    again = decode(filled(content)[1], "again").pixels
    assert (again[..., 0] == again[..., 1]).all()
    assert (again[..., 1] == again[..., 2]).all()


def test_a_neutral_picture_in_cmyk_gets_neutral_inks() -> None:
    light = 255 - GREY
    black_only = np.dstack((np.zeros_like(light), np.zeros_like(light), np.zeros_like(light), light))
    four = np.dstack((light // 2, light // 2, light // 2, light // 2))
    for inks in (black_only, four):
        again = decode(filled(tiff(inks, photometric="separated"))[1], "again").pixels
        assert (again[..., 0] == again[..., 1]).all()
        assert (again[..., 1] == again[..., 2]).all()
    assert not decode(filled(tiff(black_only, photometric="separated"))[1], "again").pixels[..., :3].any()


def test_a_picture_with_any_colour_gets_fills_of_any_colour() -> None:
    tinted = NEUTRAL.copy()
    tinted[3, 4, 0] ^= 16
    again = decode(filled(saved(Image.fromarray(tinted), "PNG"))[1], "again").pixels[MASK > 0]
    assert (again[:, 0] != again[:, 1]).any()
