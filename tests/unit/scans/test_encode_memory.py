"""A TIFF is in memory once while it is written, and all of its rows are verified."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from pipeline.scans import Scan, ScanInfo, encode, tiff_encode


@pytest.fixture
def scan() -> Scan:
    pixels = np.random.default_rng(6).integers(0, 65536, (1100, 2100, 3)).astype(np.uint16)
    return Scan(pixels, ScanInfo("TIFF", 2100, 1100, 3, 16, 1, 1, "RGB"))


def test_a_tiff_is_in_memory_once(scan: Scan) -> None:
    tracemalloc.start()
    try:
        data = tiff_encode.encode(scan)
        needed = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Noise does not shrink: what is written is as large as the pixels.
    assert 0.9 * scan.pixels.nbytes < len(data) < needed < 1.5 * len(data)


@pytest.mark.parametrize("row", [0, 1023, 1024, 1099])
def test_a_value_changed_in_any_row_is_found(scan: Scan, row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = scan.pixels.copy()
    wrong[row, 7, 1] ^= 1
    data = tiff_encode.encode(replace(scan, pixels=wrong))
    monkeypatch.setattr(tiff_encode, "encode", lambda _: data)
    with pytest.raises(RuntimeError, match="changed pixels"):
        encode(scan, ".tif")
