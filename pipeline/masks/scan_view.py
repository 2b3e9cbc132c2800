"""Show a scan as far as painted masks are read against it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline import scans
from pipeline.imaging.types import Mask
from pipeline.painted import ScanView
from pipeline.scans import Scan


def view_scan(scan: Scan, published: Callable[[], Mask | None] = lambda: None) -> ScanView:
    """Return a scan as `pipeline.painted` takes it; `published` as its attribute."""

    @cache
    def tones() -> NDArray[np.uint8]:
        pixels = scans.visible_channels(scan)
        return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels

    return ScanView((scan.pixels.shape[0], scan.pixels.shape[1]), scan.info.orientation, tones, published)
