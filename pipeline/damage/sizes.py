"""Sizes on a scan: the unit that they are counted in, and how wide a stroke is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: Side in pixels of a square scan on which a unit is one pixel.
SIDE = 512


def unit_of(plane: NDArray[Any]) -> float:
    """Returns the pixels of one unit of size on a scan, from a plane (H,W) of it.

    1 up to the area of 512 × 512 pixels, then growing with the side: what is a speck on a small scan is as many units
    wide on one of twice the resolution.
    """
    return max(1.0, float(np.sqrt(plane.size)) / SIDE)


def stroke_width(inside: NDArray[np.bool_]) -> float:
    """Returns the width in pixels of a piece (H,W) where it is widest, at least 1.

    From the depth of its inmost pixel, so that an even width counts as the odd one below. What lies outside the array
    is not of the piece.
    """
    depth = cv2.distanceTransform(np.pad(inside.astype(np.uint8), 1), cv2.DIST_L2, 3)
    return max(1.0, 2 * float(depth.max()) - 1)
