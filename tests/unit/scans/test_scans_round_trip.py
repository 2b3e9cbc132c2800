"""Every kind of file decodes to the values that another library reads, and survives encoding bit by bit."""

from __future__ import annotations

import gc
import io
import sys
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from pipeline.scans import Scan, ScanInfo, decode, encode, inspect, output_extension
from pipeline.scans.depth import to_full_range
from pipeline.scans.model import CHANNELS, Mode

pytestmark = pytest.mark.slow

Case = tuple[str, bytes, NDArray[Any]]


def test_decodes_to_the_values_that_are_stored(case: Case) -> None:
    name, content, expected = case
    scan = decode(content, name)
    assert scan.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(scan.pixels, expected)


def test_decoding_keeps_no_byte_of_the_file(case: Case) -> None:
    name, content, _ = case
    gc.collect()
    gc.disable()
    try:
        before = sys.getrefcount(content)
        decode(content, name)
        # A decoder that kept every scan until some circle of its objects was found would need as many times the memory.
        assert sys.getrefcount(content) == before
    finally:
        gc.enable()


def test_the_header_says_what_the_pixels_are(case: Case) -> None:
    name, content, expected = case
    info = inspect(content, name)
    assert (info.height, info.width) == expected.shape[:2]
    assert info.channels == (1 if expected.ndim == 2 else expected.shape[2]) == CHANNELS[info.mode]
    assert info.bit_depth == expected.dtype.itemsize * 8
    assert info.pages == 1
    assert info.orientation == 1
    assert info == decode(content, name).info


def test_what_is_written_decodes_to_the_same_bits(case: Case) -> None:
    name, content, expected = case
    scan = decode(content, name)
    extension = output_extension(scan)
    assert extension == (".tif" if name.startswith("tiff") or "cmyk" in name else ".png")
    written = encode(scan, extension, verify=False)
    again = decode(written, name)
    np.testing.assert_array_equal(again.pixels, expected)
    assert again.info.mode == scan.info.mode
    assert encode(again, extension) == written


def test_other_programs_read_what_is_written(case: Case) -> None:
    name, content, expected = case
    scan = decode(content, name)
    extension = output_extension(scan)
    written = encode(scan, extension)
    if extension == ".tif":
        stored = tifffile.imread(io.BytesIO(written))
        np.testing.assert_array_equal(to_full_range(stored, scan.info.stored_bits or 8), expected)
    if extension == ".png" and expected.dtype == np.uint8:
        with Image.open(io.BytesIO(written)) as image:
            shown = np.asarray(image.convert("L") if scan.mode == "L" else image)
        np.testing.assert_array_equal(shown, expected)


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    mode: Mode = draw(st.sampled_from(list(CHANNELS)))
    depth = draw(st.sampled_from([8, 16]))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    channels = CHANNELS[mode]
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = draw(hnp.arrays(np.dtype(f"uint{depth}"), shape))
    return Scan(pixels, ScanInfo("PNG", width, height, channels, depth, 1, 1, mode))


@given(scans())
@settings(max_examples=150, deadline=None)
def test_any_pixels_survive_both_formats(scan: Scan) -> None:
    for extension in [".tif"] if scan.mode == "CMYK" else [".tif", ".png"]:
        again = decode(encode(scan, extension, verify=False), "drawn")
        assert again.pixels.dtype == scan.pixels.dtype
        assert again.mode == scan.mode
        np.testing.assert_array_equal(again.pixels, scan.pixels)


def test_the_extension_of_a_file_does_not_matter(case: Case) -> None:
    _, content, expected = case
    np.testing.assert_array_equal(decode(content, "holiday.doc").pixels, expected)
