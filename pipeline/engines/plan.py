"""Plan the windows around the damage of one scan, at a scale that suits each hole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.grid import CELL, level_cells, level_field, pool, reduce_mask
from pipeline.engines.interface import BoolMask, FloatImage, WindowLayout
from pipeline.engines.tiling import sides, tile_cells
from pipeline.imaging.rectangles import Rect


@dataclass(frozen=True)
class Window:
    """A part of a scan that an engine fills in one piece.

    Attributes:
        rect: in pixels of the scan; reaches beyond it only where the scan is smaller than the window (the scan is
            then continued by reflection).
        core: the part of the scan whose damage this window fills; cores of one level are disjoint.
        level: the window shows the scan at 1/2^level of its side.
    """

    rect: Rect
    core: Rect
    level: int

    @property
    def scale(self) -> int:
        """Return the pixels of the scan per pixel of the window, along one side."""
        return 1 << self.level

    @property
    def shape(self) -> tuple[int, int]:
        """Return height and width at the window's scale."""
        return self.rect.height >> self.level, self.rect.width >> self.level


def wider(window: Window, shape: tuple[int, ...]) -> Window:
    """Return the window at half its scale: as large for the engine, twice the sides of the scan around its core."""
    size = (2 * window.rect.height, 2 * window.rect.width)
    middle = ((window.core.top + window.core.bottom) // 2, (window.core.left + window.core.right) // 2)
    top, left = (max(0, min(at - side // 2, limit - side)) for at, side, limit in zip(middle, size, shape, strict=True))
    return Window(Rect(top, left, top + size[0], left + size[1]), window.core, window.level + 1)


@dataclass(frozen=True)
class Plan:
    """All windows of one scan.

    Attributes:
        windows: in a fixed order.
        field: (h,w) float32, the level for each cell of 8 pixels, or ``None`` when all windows are at native scale.
        fully_masked: the mask covers the whole scan, so that there is nothing to fill it from.
    """

    windows: tuple[Window, ...]
    field: FloatImage | None
    fully_masked: bool = False


def plan(mask: NDArray[np.uint8], layout: WindowLayout, *, native: bool = False) -> Plan:
    """Return the windows over a mask; every damaged pixel is in the core of one of them.

    Args:
        mask: (H,W) of 0 and 255, contiguous.
        layout: of the engine.
        native: no window at a smaller scale.
    """
    if mask.size == 0:
        return Plan((), None)
    grid = reduce_mask(mask)
    if grid.empty or grid.total:
        return Plan((), None, fully_masked=grid.total)
    field = level_field(grid.depth, layout.depth)
    deepest = float(field.max())
    if deepest <= 0 or native:
        return Plan(tuple(_windows(grid.occupied, 0, mask.shape, layout)), None)
    windows: list[Window] = []
    for level in range(int(np.ceil(deepest)) + 1):
        windows += _windows(level_cells(grid, field, level), level, mask.shape, layout)
    return Plan(tuple(windows), field)


def _windows(cells: BoolMask, level: int, shape: tuple[int, ...], layout: WindowLayout) -> list[Window]:
    """Return the windows of one level."""
    scale = 1 << level
    pooled = pool(cells, scale)
    extent = (-(-shape[0] // scale), -(-shape[1] // scale))
    heights, _ = sides(layout, pooled.shape[0], extent[0])
    widths, _ = sides(layout, pooled.shape[1], extent[1])
    windows = []
    for top, left, bottom, right in tile_cells(pooled, layout, extent):
        core = Rect(*(edge * CELL * scale for edge in (top, left, bottom, right)))
        y, height = _place(top, bottom, int(heights[bottom - top]), extent[0])
        x, width = _place(left, right, int(widths[right - left]), extent[1])
        rect = Rect(y * scale, x * scale, (y + height) * scale, (x + width) * scale)
        windows.append(Window(rect, core.grow(0, shape), level))
    return windows


def _place(first: int, last: int, side: int, extent: int) -> tuple[int, int]:
    """Return start and length of a window around cells ``first`` to ``last``, moved inside the picture."""
    start = (first + last) * CELL // 2 - side // 2
    return max(0, min(start, extent - side)), side
