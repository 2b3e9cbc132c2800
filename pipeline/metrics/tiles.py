"""Find the parts of a scan near its damage, so that the cost of a metric depends on the damage and not on the scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from pipeline.imaging.rectangles import Rect

TILE = 512


def damaged_tiles(mask: NDArray[Any], reach: int) -> Iterator[tuple[Rect, Rect]]:
    """Yield disjoint tiles that hold every pixel within ``reach`` of the mask, each with itself grown by ``reach``.

    Args:
        mask: (H,W), not 0 where damaged.
        reach: pixels; distance along rows or columns, whichever is larger.
    """
    height, width = mask.shape
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            tile = Rect(top, left, min(height, top + TILE), min(width, left + TILE))
            seen = tile.grow(reach, mask.shape)
            if mask[seen.slices].any():
                yield tile, seen
