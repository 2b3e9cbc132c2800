"""Connected pieces of a mask, kept as runs along its rows: memory goes with what is marked, not with the scan.

A plane of labels, which every library gives, takes four bytes a pixel: more than most scans themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Box

Places = NDArray[np.int64]

#: Rows that are searched for runs, and pixels whose places are told, at a time.
ROWS, PIXELS = 256, 1 << 20


@dataclass(frozen=True)
class ConnectedComponents:
    """The pieces of a mask, neighbours across corners included, numbered from 0 in the order of OpenCV's labels.

    A place is a pixel's index in the plane, counted along its rows.

    Attributes:
        shape: rows and columns of the mask.
        starts, stops: (n,) of every run along a row, in their order: the place it begins at, and that behind its end.
        owner: (n,) the piece of each run.
        order, firsts: runs sorted by piece (n,), and where in that order each piece begins (m+1,).
        boxes: (m,4) x, y, width and height of each piece.
        areas: (m,) its pixels.
    """

    shape: tuple[int, int]
    starts: Places
    stops: Places
    owner: Places
    order: Places
    firsts: Places
    boxes: Places
    areas: Places

    def __len__(self) -> int:
        return len(self.areas)

    def runs(self, index: int) -> tuple[Places, Places, Places]:
        """Return row, first column, and the column behind the last of every run of a piece, row by row."""
        return self._lines(self._of(index))

    def inside(self, index: int, box: Box) -> NDArray[np.uint8]:
        """Return (height, width), 1 where the piece is; the box may reach beyond the mask."""
        x, y, width, height = box
        chosen = self._of(index)
        chosen = chosen[slice(*np.searchsorted(chosen, self._between(y, y + height)))]
        _, rows, first, last = _cut(*self._lines(chosen), x, x + width)
        result = np.zeros((height, width), np.uint8)
        result.ravel()[_places((rows - y) * width + first - x, last - first)] = 1
        return result

    def within(self, box: Box) -> tuple[Places, Places, Places]:
        """Return the pieces in a box (k,), ascending, and of the part of each that lies in it area and longer side."""
        x, y, width, height = box
        between = slice(*self._between(y, y + height))
        kept, rows, first, last = _cut(*self._lines(between), x, x + width)
        owner = self.owner[between][kept]
        lowest = int(owner.min()) if len(owner) else 0
        owner = owner - lowest
        areas = np.bincount(owner, last - first).astype(np.int64)
        (left, right), (top, bottom) = (_ends(owner, *ends, len(areas)) for ends in ((first, last), (rows, rows + 1)))
        found = np.flatnonzero(areas)
        return found + lowest, areas[found], np.maximum(right - left, bottom - top)[found]

    def maxima(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return (m,) the highest value that each piece has in a plane of integers (H,W)."""
        result = np.full(len(self), np.iinfo(plane.dtype).min, plane.dtype)
        for owner, places in self._pixels():
            np.maximum.at(result, owner, plane.ravel()[places])
        return result

    def sums(self, plane: NDArray[Any]) -> Places:
        """Return (m,) the sum of each piece's values in a plane (H,W) of integers; of truths, how many are true."""
        result = np.zeros(len(self), np.int64)
        for owner, places in self._pixels():
            result += np.bincount(owner, plane.ravel()[places], len(self)).astype(np.int64)
        return result

    def paint(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (H,W), in each piece its value of `values` (m,), elsewhere 0."""
        result = np.zeros(self.shape, np.uint8)
        for owner, places in self._pixels():
            result.ravel()[places] = values[owner]
        return result

    def _of(self, index: int) -> Places:
        """The runs of a piece, in their order."""
        return self.order[self.firsts[index] : self.firsts[index + 1]]

    def _between(self, top: int, bottom: int) -> Places:
        """The first run from row `top` on, and that from `bottom` on."""
        return np.searchsorted(self.starts, [top * self.shape[1], bottom * self.shape[1]])

    def _lines(self, which: slice | Places) -> tuple[Places, Places, Places]:
        """Row, first column, and the column behind the last of some runs."""
        return _lines(self.starts[which], self.stops[which], self.shape[1])

    def _pixels(self) -> Iterator[tuple[Places, Places]]:
        """Yield piece and place of every pixel, not many more than `PIXELS` at a time."""
        lengths = self.stops - self.starts
        cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // PIXELS)) + 1
        for part in (slice(*ends) for ends in pairwise([0, *cuts.tolist(), len(lengths)])):
            yield np.repeat(self.owner[part], lengths[part]), _places(self.starts[part], lengths[part])


def connected_components(plane: NDArray[Any], least: float = 1) -> ConnectedComponents:
    """Return the connected pieces of what is at least `least` in a plane (H,W)."""
    starts, stops = _runs(plane, least)
    columns = max(1, plane.shape[1])
    rows, first, last = _lines(starts, stops, columns)
    roots, owner = np.unique(_joined(rows, first, last, columns), return_inverse=True)
    # OpenCV numbers pieces by the first of its blocks of two by two pixels that they touch.
    block, _ = _ends(owner, rows // 2 * ((columns + 1) // 2) + first // 2, rows, len(roots))
    rank = np.empty(len(roots), np.int64)
    rank[np.argsort(block)] = np.arange(len(roots))
    owner = rank[owner]
    order = np.argsort(owner, kind="stable")
    firsts = np.searchsorted(owner[order], np.arange(len(roots) + 1))
    (left, right), (top, bottom) = (_ends(owner, *ends, len(roots)) for ends in ((first, last), (rows, rows + 1)))
    areas = np.add.reduceat((stops - starts)[order], firsts[:-1])
    boxes = np.stack([left, top, right - left, bottom - top], axis=1)
    return ConnectedComponents(plane.shape, starts, stops, owner, order, firsts, boxes, areas)


def _runs(plane: NDArray[Any], least: float) -> tuple[Places, Places]:
    """Where the runs along the rows begin, and the places behind their ends."""
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


def _joined(rows: Places, first: Places, last: Places, columns: int) -> Places:
    """One number for all runs that hang together (n,): the index of one of them."""
    # Along rows two columns wider no run touches one of another row; those of the next row lie just that much further.
    wide = columns + 2
    begin, end = rows * wide + first + 1, rows * wide + last + 1
    from_, to = np.searchsorted(end, begin + wide), np.searchsorted(begin, end + wide, side="right")
    touching = to - from_
    one = np.repeat(np.arange(len(rows)), touching)
    other = _places(from_, touching)
    root = np.arange(len(rows))
    while len(one):
        low = np.minimum(root[one], root[other])
        np.minimum.at(root, root[one], low)
        np.minimum.at(root, root[other], low)
        while (root != (further := root[root])).any():
            root = further
        apart = root[one] != root[other]
        one, other = one[apart], other[apart]
    return root


def _lines(starts: Places, stops: Places, columns: int) -> tuple[Places, Places, Places]:
    """Row, first column, and the column behind the last of runs."""
    rows = starts // columns
    return rows, starts - rows * columns, stops - rows * columns


def _cut(rows: Places, first: Places, last: Places, left: int, right: int) -> tuple[Places, Places, Places, Places]:
    """Which runs reach between two columns, and their rows and columns, cut there."""
    kept = np.flatnonzero((first < right) & (last > left))
    return kept, rows[kept], np.maximum(first[kept], left), np.minimum(last[kept], right)


def _ends(of: Places, first: Places, last: Places, count: int) -> tuple[Places, Places]:
    """The lowest `first` and the highest `last` among the runs of each of `count` pieces."""
    lowest, highest = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(lowest, of, first)
    np.maximum.at(highest, of, last)
    return lowest, highest


def _places(starts: Places, lengths: Places) -> Places:
    """All places of runs, one run after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)
