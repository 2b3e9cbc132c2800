"""Sizes on a scan: the unit that they are counted in, and how wide a stroke is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.types import Box

#: Side in pixels of a square scan on which a unit is one pixel.
SIDE = 512
#: Side of the squares in which a piece is measured, and how far beyond them its rim is looked for: a scratch across
#: the whole scan has few pixels in a large box.
SQUARE, AROUND = 1024, 256
#: OpenCV's distance over three by three neighbours grows by this a pixel at least.
STEP = 0.95


def unit_of(plane: NDArray[Any]) -> float:
    """Return the pixels of one unit of size on a scan, from a plane (H,W) of it.

    1 up to the area of 512 × 512 pixels, then growing with the side: what is a speck on a small scan is as many units
    wide on one of twice the resolution.
    """
    return max(1.0, float(np.sqrt(plane.size)) / SIDE)


def stroke_width(pieces: ConnectedComponents, index: int) -> float:
    """Return the width in pixels of a piece where it is widest, at least 1.

    From the depth of its inmost pixel, so that an even width counts as the odd one below.
    """
    x, y, width, height = (int(n) for n in pieces.boxes[index])
    depth = 0.0
    for top in range(y, y + height, SQUARE):
        for left in range(x, x + width, SQUARE):
            square = (left, top, min(SQUARE, x + width - left), min(SQUARE, y + height - top))
            depth = max(depth, _depth(pieces, index, square))
    if depth > STEP * AROUND:
        # The rim may lie outside of what was seen.
        depth = _depth(pieces, index, (x, y, width, height))
    return max(1.0, 2 * depth - 1)


def _depth(pieces: ConnectedComponents, index: int, square: Box) -> float:
    """The depth of the inmost pixel in a part of the piece's box, where its rim is seen as far as `AROUND` beyond."""
    x, y, width, height = (int(n) for n in pieces.boxes[index])
    left, top, across, down = square
    # Nothing of the piece lies outside of its box.
    before, above = min(AROUND, left - x + 1), min(AROUND, top - y + 1)
    behind, below = min(AROUND, x + width - left - across + 1), min(AROUND, y + height - top - down + 1)
    seen = pieces.inside(index, (left - before, top - above, before + across + behind, above + down + below))
    within = (slice(above, above + down), slice(before, before + across))
    if not seen[within].any():
        return 0.0
    return float(cv2.distanceTransform(seen, cv2.DIST_L2, 3)[within].max())
