"""Reduce a mask to cells: which are damaged, and how deep inside the damage each one is.

Planning works on these grids, so that its cost hardly depends on the size of a scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.interface import BoolMask, FloatImage

CELL = 8
"""Side of a cell in pixels; eight bytes are compared as one word."""


@dataclass(frozen=True)
class Grid:
    """A mask at 1/8 of its side.

    Attributes:
        occupied: (h,w), true where any pixel of the cell is damaged.
        depth: (h,w) float32, distance in pixels from a wholly damaged cell to the next one that is not, 0 elsewhere.
            The border of a scan does not count as intact: a loss at the border is as deep as it reaches inwards.
        empty: no pixel is damaged.
        total: every pixel is damaged.
    """

    occupied: BoolMask
    depth: FloatImage
    empty: bool
    total: bool


def reduce_mask(mask: NDArray[np.uint8]) -> Grid:
    """Return the grid of a mask (H,W) of 0 and 255, contiguous; one pass over the mask."""
    height, width = mask.shape
    pad = ((0, -height % CELL), (0, -width % CELL))
    if any(after for _, after in pad):
        # Repeating the edge changes neither "any pixel" nor "every pixel" of a cell.
        mask = np.pad(mask, pad, mode="edge")
    rows = mask.reshape(mask.shape[0] // CELL, CELL, mask.shape[1])
    occupied = np.bitwise_or.reduce(rows, axis=1).view(np.uint64) != 0
    full = np.bitwise_and.reduce(rows, axis=1).view(np.uint64) == np.uint64(0xFFFFFFFFFFFFFFFF)
    total = bool(full.all())
    if total or not full.any():
        depth = np.zeros(full.shape, np.float32)
    else:
        depth = cv2.distanceTransform(full.astype(np.uint8), cv2.DIST_L2, 5) * np.float32(CELL)
    return Grid(occupied, depth, not bool(occupied.any()), total)


def level_field(depth: FloatImage, limit: int) -> FloatImage:
    """Return for each cell the level that should fill it: 0 at native scale, 1 at half, 2 at a quarter, …

    Fractions are shares of two levels: 0.25 means three parts native, one part half scale. Up to ``limit`` / 2 pixels
    of depth all is native; at ``limit`` all is half scale, at twice that a quarter, so that at its own scale no pixel
    is deeper than ``limit``.
    """
    return np.log2(np.maximum(depth, limit / 2) / limit, dtype=np.float32) + np.float32(1)


def level_cells(grid: Grid, field: FloatImage, level: int) -> BoolMask:
    """Return the occupied cells to which a level contributes when the field is interpolated between cells."""
    kernel = np.ones((3, 3), np.uint8)
    cells: BoolMask = grid.occupied & (cv2.dilate(field, kernel) > level - 1) & (cv2.erode(field, kernel) < level + 1)
    return cells


def pool(cells: BoolMask, factor: int) -> BoolMask:
    """Return cells at 1/``factor`` of their side, true where any was."""
    if factor == 1:
        return cells
    height, width = cells.shape
    padded = np.pad(cells, ((0, -height % factor), (0, -width % factor)))
    blocks = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor)
    return np.asarray(blocks.any(axis=(1, 3)))


def sample(field: NDArray[Any], rows: slice, columns: slice) -> FloatImage:
    """Return the field at each pixel of a rectangle of the scan, interpolated between the centres of the cells.

    The value at a pixel is the same whatever rectangle it is asked for in.
    """

    def axis(span: slice, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatImage]:
        at = (np.arange(span.start, span.stop, dtype=np.float32) + np.float32(0.5)) / CELL - np.float32(0.5)
        low = np.floor(at)
        share = (at - low).astype(np.float32)
        index = low.astype(np.intp)
        return np.clip(index, 0, cells - 1), np.clip(index + 1, 0, cells - 1), share

    top, bottom, down = axis(rows, field.shape[0])
    left, right, across = axis(columns, field.shape[1])
    down = down[:, np.newaxis]
    upper = field[top][:, left] * (1 - across) + field[top][:, right] * across
    lower = field[bottom][:, left] * (1 - across) + field[bottom][:, right] * across
    result: FloatImage = (upper * (1 - down) + lower * down).astype(np.float32)
    return result
