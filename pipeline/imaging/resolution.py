"""Measure sizes on a scan: the unit they are counted in, and the width of a stroke."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.types import Box

#: Side in pixels of a square scan on which a unit is one pixel.
SIDE = 512
#: Side of the tiles in which a component is measured, and how far beyond them its rim is looked for: a scratch across
#: the whole scan has few pixels in a large box.
TILE, AROUND = 1024, 256
#: OpenCV's distance over 3×3 neighbours grows by at least this much a pixel.
STEP = 0.95


def unit_of(plane: NDArray[Any]) -> float:
    """Return the pixels of one unit of size on a scan, from a plane (H,W) of it.

    1 up to an area of 512 × 512 pixels, then growing with the side, so that a speck is as many units wide on a scan of
    twice the resolution.
    """
    return max(1.0, float(np.sqrt(plane.size)) / SIDE)


def stroke_width(components: ConnectedComponents, index: int) -> float:
    """Return the width in pixels of a component where it is widest, at least 1.

    It follows from the depth of the innermost pixel, so an even width counts as the odd one below.
    """
    x, y, width, height = (int(n) for n in components.boxes[index])
    depth = 0.0
    for top in range(y, y + height, TILE):
        for left in range(x, x + width, TILE):
            tile = (left, top, min(TILE, x + width - left), min(TILE, y + height - top))
            depth = max(depth, _depth(components, index, tile))
    if depth > STEP * AROUND:
        # The rim may lie outside the area that was measured.
        depth = _depth(components, index, (x, y, width, height))
    return max(1.0, 2 * depth - 1)


def _depth(components: ConnectedComponents, index: int, tile: Box) -> float:
    """Return the depth of the innermost pixel in a tile of a component's box, measured with `AROUND` pixels around."""
    x, y, width, height = (int(n) for n in components.boxes[index])
    left, top, across, down = tile
    # Nothing of the component lies outside its box.
    before, above = min(AROUND, left - x + 1), min(AROUND, top - y + 1)
    behind, below = min(AROUND, x + width - left - across + 1), min(AROUND, y + height - top - down + 1)
    seen = components.inside(index, (left - before, top - above, before + across + behind, above + down + below))
    within = (slice(above, above + down), slice(before, before + across))
    if not seen[within].any():
        return 0.0
    return float(cv2.distanceTransform(seen, cv2.DIST_L2, 3)[within].max())
