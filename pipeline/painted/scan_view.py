"""What reading a mask takes of its scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Mask


def _nothing() -> Mask | None:
    return None


@dataclass(frozen=True)
class ScanView:
    """A scan, as far as a mask is read against it.

    Attributes:
        size: rows and columns as stored.
        orientation: EXIF orientation, 1 to 8.
        tones: returns the picture (H,W) or (H,W,3) as stored, in 8 bits; asked only for a mask that may be a
            copy of it.
        published: returns the marks (H,W) published for the scan before, or None; asked only for a mask that fits in
            two ways.
    """

    size: tuple[int, int]
    orientation: int
    tones: Callable[[], NDArray[np.uint8]]
    published: Callable[[], Mask | None] = _nothing
