"""Find the connected components of a mask, kept as runs along its rows.

Memory grows with what is masked, not with the scan: the plane of labels that libraries return takes four bytes a pixel,
more than most scans themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.joined import Indices, expand, join_pairs
from pipeline.imaging.types import Box

#: Rows searched for runs at a time, and pixels whose indices are expanded at a time.
ROWS, PIXELS = 256, 1 << 20


@dataclass(frozen=True)
class ConnectedComponents:
    """The 8-connected components of a mask, numbered from 0 in the order of OpenCV's labels.

    An index is that of a pixel in the flattened plane.

    Attributes:
        shape: rows and columns of the mask.
        starts, stops: (n,) index of the first pixel of every run along a row, and the index behind its last pixel.
        owner: (n,) the component of each run.
        order, firsts: runs sorted by component (n,), and where in that order each component begins (m+1,).
        boxes: (m,4) x, y, width and height of each component.
        areas: (m,) number of its pixels.
    """

    shape: tuple[int, int]
    starts: Indices
    stops: Indices
    owner: Indices
    order: Indices
    firsts: Indices
    boxes: Indices
    areas: Indices

    def __len__(self) -> int:
        return len(self.areas)

    def runs(self, index: int) -> tuple[Indices, Indices, Indices]:
        """Return row, first column, and the column behind the last of every run of a component, row by row."""
        return self._rows_and_columns(self._runs_of(index))

    def inside(self, index: int, box: Box) -> NDArray[np.uint8]:
        """Return (height,width), 1 where the component is; the box may reach beyond the mask."""
        x, y, width, height = box
        chosen = self._runs_of(index)
        chosen = chosen[slice(*np.searchsorted(chosen, self._runs_between(y, y + height)))]
        _, rows, first, last = _clip(*self._rows_and_columns(chosen), x, x + width)
        result = np.zeros((height, width), np.uint8)
        result.ravel()[expand((rows - y) * width + first - x, last - first)] = 1
        return result

    def window(self, box: Box) -> NDArray[np.uint8]:
        """Return (height,width), 255 where any component is; the box may reach beyond the mask."""
        x, y, width, height = box
        _, rows, first, last = _clip(*self._rows_and_columns(slice(*self._runs_between(y, y + height))), x, x + width)
        result = np.zeros((height, width), np.uint8)
        result.ravel()[expand((rows - y) * width + first - x, last - first)] = 255
        return result

    def all_runs(self) -> tuple[Indices, Indices, Indices]:
        """Return row, first column, and the column behind the last of every run, row by row."""
        return self._rows_and_columns(slice(None))

    def within(self, box: Box) -> tuple[Indices, Indices, Indices]:
        """Return the components in a box (k,), ascending, and area and longer side of each one's part in it."""
        x, y, width, height = box
        between = slice(*self._runs_between(y, y + height))
        kept, rows, first, last = _clip(*self._rows_and_columns(between), x, x + width)
        owner = self.owner[between][kept]
        lowest = int(owner.min()) if len(owner) else 0
        owner = owner - lowest
        areas = np.bincount(owner, last - first).astype(np.int64)
        (left, right), (top, bottom) = (
            _extremes(owner, *ends, len(areas)) for ends in ((first, last), (rows, rows + 1))
        )
        found = np.flatnonzero(areas)
        return found + lowest, areas[found], np.maximum(right - left, bottom - top)[found]

    def maxima(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return (m,) the highest value of each component in a plane of integers (H,W)."""
        result = np.full(len(self), np.iinfo(plane.dtype).min, plane.dtype)
        for owner, indices in self._pixels():
            np.maximum.at(result, owner, plane.ravel()[indices])
        return result

    def sums(self, plane: NDArray[Any]) -> Indices:
        """Return (m,) the sum of each component's values in a plane (H,W) of integers or booleans."""
        result = np.zeros(len(self), np.int64)
        for owner, indices in self._pixels():
            result += np.bincount(owner, plane.ravel()[indices], len(self)).astype(np.int64)
        return result

    def paint(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (H,W), in each component its value of `values` (m,), elsewhere 0."""
        result = np.zeros(self.shape, np.uint8)
        for owner, indices in self._pixels():
            result.ravel()[indices] = values[owner]
        return result

    def _runs_of(self, index: int) -> Indices:
        """Return the runs of a component, in their order."""
        return self.order[self.firsts[index] : self.firsts[index + 1]]

    def _runs_between(self, top: int, bottom: int) -> Indices:
        """Return the first run from row `top` on, and that from row `bottom` on."""
        return np.searchsorted(self.starts, [top * self.shape[1], bottom * self.shape[1]])

    def _rows_and_columns(self, which: slice | Indices) -> tuple[Indices, Indices, Indices]:
        """Return row, first column, and the column behind the last of some runs."""
        return _rows_and_columns(self.starts[which], self.stops[which], self.shape[1])

    def _pixels(self) -> Iterator[tuple[Indices, Indices]]:
        """Yield component and index of every pixel, not many more than `PIXELS` at a time."""
        lengths = self.stops - self.starts
        cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // PIXELS)) + 1
        for part in (slice(*ends) for ends in pairwise([0, *cuts.tolist(), len(lengths)])):
            yield np.repeat(self.owner[part], lengths[part]), expand(self.starts[part], lengths[part])


def connected_components(plane: NDArray[Any], least: float = 1) -> ConnectedComponents:
    """Return the connected components of what is at least `least` in a plane (H,W)."""
    starts, stops = _find_runs(plane, least)
    columns = max(1, plane.shape[1])
    rows, first, last = _rows_and_columns(starts, stops, columns)
    roots, owner = np.unique(_find_roots(rows, first, last, columns), return_inverse=True)
    # OpenCV numbers components by the first of its blocks of two by two pixels that they touch.
    block, _ = _extremes(owner, rows // 2 * ((columns + 1) // 2) + first // 2, rows, len(roots))
    rank = np.empty(len(roots), np.int64)
    rank[np.argsort(block)] = np.arange(len(roots))
    owner = rank[owner]
    order = np.argsort(owner, kind="stable")
    firsts = np.searchsorted(owner[order], np.arange(len(roots) + 1))
    (left, right), (top, bottom) = (_extremes(owner, *ends, len(roots)) for ends in ((first, last), (rows, rows + 1)))
    areas = np.add.reduceat((stops - starts)[order], firsts[:-1])
    boxes = np.stack([left, top, right - left, bottom - top], axis=1)
    return ConnectedComponents(plane.shape, starts, stops, owner, order, firsts, boxes, areas)


def _find_runs(plane: NDArray[Any], least: float) -> tuple[Indices, Indices]:
    """Return where the runs along the rows begin, and the indices behind their ends."""
    rows, columns = plane.shape
    found = [np.zeros((0, 2), np.int64)]
    for top in range(0, rows, ROWS):
        # An empty column on either side, so that every run begins and ends within its row.
        marked = np.zeros((min(ROWS, rows - top), columns + 2), np.bool_)
        np.greater_equal(plane[top : top + ROWS], least, out=marked[:, 1:-1])
        row, column = np.divmod(np.flatnonzero(marked[:, 1:] != marked[:, :-1]), columns + 1)
        found.append(((row + top) * columns + column).reshape(-1, 2))
    starts, stops = np.concatenate(found).T
    return starts, stops


def _find_roots(rows: Indices, first: Indices, last: Indices, columns: int) -> Indices:
    """Return one number for all connected runs (n,): the position of one of them."""
    # In rows two columns wider no run touches one of another row; the next row's runs are offset by just that width.
    wide = columns + 2
    begin, end = rows * wide + first + 1, rows * wide + last + 1
    from_, to = np.searchsorted(end, begin + wide), np.searchsorted(begin, end + wide, side="right")
    touching = to - from_
    one = np.repeat(np.arange(len(rows)), touching)
    return join_pairs(len(rows), one, expand(from_, touching))


def _rows_and_columns(starts: Indices, stops: Indices, columns: int) -> tuple[Indices, Indices, Indices]:
    """Return row, first column, and the column behind the last of runs."""
    rows = starts // columns
    return rows, starts - rows * columns, stops - rows * columns


def _clip(
    rows: Indices, first: Indices, last: Indices, left: int, right: int
) -> tuple[Indices, Indices, Indices, Indices]:
    """Return which runs reach between two columns, and their rows and columns, clipped there."""
    kept = np.flatnonzero((first < right) & (last > left))
    return kept, rows[kept], np.maximum(first[kept], left), np.minimum(last[kept], right)


def _extremes(of: Indices, first: Indices, last: Indices, count: int) -> tuple[Indices, Indices]:
    """Return the lowest `first` and the highest `last` among the runs of each of `count` components."""
    lowest, highest = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(lowest, of, first)
    np.maximum.at(highest, of, last)
    return lowest, highest
