"""Show a scan as far as painted masks are read against it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline import scans
from pipeline.imaging.mapped import release, scratch
from pipeline.imaging.types import Mask
from pipeline.painted import ScanView
from pipeline.scans import Scan

# Rows converted at a time.
ROWS = 256


def view_scan(scan: Scan, published: Callable[[], Mask | None] = lambda: None) -> ScanView:
    """Return a scan as `pipeline.painted` takes it; `published` as its attribute."""

    @cache
    def tones() -> NDArray[np.uint8]:
        pixels = scans.visible_channels(scan)
        if pixels.dtype != np.uint16:
            return pixels
        eight: NDArray[np.uint8] = scratch(pixels.shape, np.uint8)
        for top in range(0, len(pixels), ROWS):
            eight[top : top + ROWS] = pixels[top : top + ROWS] >> 8
            release(pixels)
            release(eight)
        return eight

    return ScanView((scan.pixels.shape[0], scan.pixels.shape[1]), scan.info.orientation, tones, published)
