"""Tile the damaged cells of a grid with few, cheap boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.grid import CELL
from pipeline.engines.interface import BoolMask, WindowLayout

OVERHEAD = 48 * 48
"""What a window costs besides its pixels, in pixels: cutting, blending, the call."""

Costs = NDArray[np.float64]
CostFunction = Callable[[NDArray[np.int64], NDArray[np.int64]], Costs]


def sides(layout: WindowLayout, cells: int, extent: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for 0..``cells`` cells along one axis the window's side, and how many windows side by side it takes.

    Args:
        layout: sizes and context.
        cells: the largest number of cells asked for.
        extent: pixels that the picture has along this axis; a window needs no more than that.
    """
    largest = layout.sizes[-1]
    sizes = np.asarray(layout.sizes)
    need = np.arange(cells + 1) * CELL + 2 * layout.context
    if extent <= largest:
        need = np.minimum(need, extent)
    side = sizes[np.minimum(np.searchsorted(sizes, need), len(sizes) - 1)]
    core = max(CELL, largest - 2 * layout.context)
    count = np.where(need <= largest, 1, -(-np.arange(cells + 1) * CELL // core))
    return side.astype(np.int64), count.astype(np.int64)


def tile_cells(cells: BoolMask, layout: WindowLayout, extent: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Return disjoint boxes (top, left, bottom, right; in cells) that hold every true cell.

    The box around all damage is cut in two where that makes the windows cheapest, again and again, as long as a box
    does not fit a window or cutting saves pixels; damage that is close together stays together.

    Args:
        cells: (h,w) damaged cells.
        layout: sizes and context of the windows.
        extent: height and width of the picture in pixels.
    """
    side_y, count_y = sides(layout, cells.shape[0], extent[0])
    side_x, count_x = sides(layout, cells.shape[1], extent[1])

    def cost(height: NDArray[np.int64], width: NDArray[np.int64]) -> Costs:
        windows = count_y[height] * count_x[width]
        return ((side_y[height] * side_x[width] + OVERHEAD) * windows).astype(np.float64)

    boxes: list[tuple[int, int, int, int]] = []
    stack = [(0, 0, cells.shape[0], cells.shape[1])]
    while stack:
        top, left, bottom, right = stack.pop()
        part = cells[top:bottom, left:right]
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        if rows.size == 0:
            continue
        top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
        left, right = left + int(columns[0]), left + int(columns[-1]) + 1
        part = cells[top:bottom, left:right]
        height, width = part.shape
        fits = count_y[height] == 1 and count_x[width] == 1
        own = float(cost(np.array([height]), np.array([width]))[0])
        if fits and height * width == 1:
            boxes.append((top, left, bottom, right))
            continue
        down, down_cost = _best_cut(part, cost)
        across, across_cost = _best_cut(part.T, lambda a, b: cost(b, a))
        if fits and min(down_cost, across_cost) >= own:
            boxes.append((top, left, bottom, right))
        elif down_cost <= across_cost:
            stack += [(top, left, top + down, right), (top + down, left, bottom, right)]
        else:
            stack += [(top, left, bottom, left + across), (top, left + across, bottom, right)]
    return sorted(boxes)


def _best_cut(part: BoolMask, cost: CostFunction) -> tuple[int, float]:
    """Return the row before which to cut a trimmed box, and what the windows of the two halves then cost."""
    height, width = part.shape
    if height < 2:
        return 0, float("inf")
    occupied = part.any(axis=1)
    first = np.where(occupied, part.argmax(axis=1), width)
    last = np.where(occupied, width - part[:, ::-1].argmax(axis=1), 0)
    index = np.arange(height)
    # Extents of everything above, and of everything from here on, after each half is trimmed.
    above_end = np.maximum.accumulate(np.where(occupied, index + 1, 0))[:-1]
    below_start = np.minimum.accumulate(np.where(occupied, index, height)[::-1])[::-1][1:]
    above_width = (np.maximum.accumulate(last) - np.minimum.accumulate(first))[:-1]
    below_width = (np.maximum.accumulate(last[::-1]) - np.minimum.accumulate(first[::-1]))[::-1][1:]
    total = cost(above_end, above_width) + cost(height - below_start, below_width)
    # Among equals the middle: deep, lopsided cutting would make many thin boxes.
    total = total + np.abs(index[1:] - height / 2) / height
    best = int(total.argmin())
    return best + 1, float(total[best])
