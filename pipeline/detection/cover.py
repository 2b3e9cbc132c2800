"""Find the places of a scan that deserve a second look, and few windows that cover them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Side in pixels of the squares that are looked at again as a whole.
TILE = 32
#: A square is doubtful when so many of its pixels reach a least probability, see `Doubt`; or when one reaches this, in
#: 1/255, since a speck needs as much.
ENOUGH, SPECK = 16, 128
#: Largest side of a window.
LARGEST = 1024
#: Cost of one more window, in pixels.
PREPARATION = 20_000
#: Rows counted at a time.
ROWS = 1024


class Doubt(NamedTuple):
    """What deserves a second look at one scale, and how it is shown.

    Attributes:
        least: probability in 1/255 that the pixels of a doubtful square reach.
        margin: context in pixels that a window shows around what is kept of it.
        step: what its sides are multiples of: the network is prepared anew for each size.
    """

    least: int
    margin: int
    step: int


#: At the coarsest scale, from the least probability that is ever suggested; and where a coarser one is looked at, too,
#: and shows what is around.
COARSEST, FINER = Doubt(32, 48, 64), Doubt(48, 32, 32)


class Span(NamedTuple):
    """One window along one side: it covers `first` to `last`, and `begin` to `end` of it is kept."""

    first: int
    last: int
    begin: int
    end: int


class _Region(NamedTuple):
    """A rectangle of squares: rows `top` to `bottom`, columns `left` to `right`, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


def spans(length: int, window: int, margin: int, step: int = 1) -> list[Span]:
    """Return the fewest windows that cover a side of `length` pixels, all inside it, of one size up to `window`.

    What is kept of a window lies at least `margin` pixels from where it was cut. Windows are moved inside the picture
    rather than padded: a mirror image is not real context. Their size is a multiple of `step`, as `window` must be.
    """
    if length <= window:
        return [Span(0, length, 0, length)]
    count = -(-(length - 2 * margin) // (window - 2 * margin))
    needed = -(-(length + 2 * margin * (count - 1)) // count)
    window = min(window, -(-needed // step) * step)
    starts = [*range(0, length - window, window - 2 * margin), length - window]
    # One window ends and the next begins in the middle of their overlap.
    cuts = [0, *((before + window + after) // 2 for before, after in pairwise(starts)), length]
    return [Span(first, first + window, *kept) for first, kept in zip(starts, pairwise(cuts), strict=True)]


def find_doubtful(probability: NDArray[np.uint8], least: int) -> NDArray[np.bool_]:
    """Return which squares of a plane of probabilities (H,W) are doubtful, (H/TILE, W/TILE) rounded up.

    Args:
        least: see `Doubt`.
    """
    rows, columns = probability.shape
    result = np.zeros((-(-rows // TILE), -(-columns // TILE)), np.bool_)
    for top in range(0, rows, ROWS):
        strip = probability[top : top + ROWS]
        counts, highest = _by_square(np.add, strip >= least, np.int32), _by_square(np.maximum, strip, np.uint8)
        result[top // TILE : top // TILE + len(counts)] = (counts >= ENOUGH) | (highest >= SPECK)
    return result


def _by_square(how: np.ufunc, plane: NDArray[Any], dtype: type) -> NDArray[Any]:
    """Return what a function makes of all pixels of each square."""
    for axis in (1, 0):
        plane = how.reduceat(plane, np.arange(0, plane.shape[axis], TILE), axis=axis, dtype=dtype)
    return plane


def cover(doubtful: NDArray[np.bool_], shape: tuple[int, int], doubt: Doubt) -> Iterator[tuple[Span, Span]]:
    """Yield windows, down and across, that together keep every doubtful square once.

    The box around all of them is halved where that saves most, as long as it saves anything.

    Args:
        doubtful: as `find_doubtful` returns it.
        shape: rows and columns of the scan.
        doubt: margin and step of the windows.
    """
    waiting = [_Region(0, doubtful.shape[0], 0, doubtful.shape[1])]
    while waiting:
        region = _shrink(doubtful, waiting.pop())
        if region is None:
            continue
        cost, halves = _cheapest_halves(doubtful, region, shape, doubt)
        if halves and (cost < _cost(*region, shape, doubt) or not _fits(region, doubt)):
            waiting += halves
        else:
            yield _span(region.top, region.bottom, shape[0], doubt), _span(region.left, region.right, shape[1], doubt)


def _shrink(doubtful: NDArray[np.bool_], region: _Region) -> _Region | None:
    """Return the box around the doubtful squares of a region, None without any."""
    inside = doubtful[region.top : region.bottom, region.left : region.right]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    return _Region(region.top + int(rows[0]), region.top + int(rows[-1]) + 1,
                   region.left + int(columns[0]), region.left + int(columns[-1]) + 1)  # fmt: skip


def _cheapest_halves(
    doubtful: NDArray[np.bool_], region: _Region, shape: tuple[int, int], doubt: Doubt
) -> tuple[float, list[_Region]]:
    """Return the lowest cost of both halves of a region, and these; no halves where it is one square."""
    top, bottom, left, right = region
    inside = doubtful[top:bottom, left:right]
    best, halves = np.inf, list[_Region]()
    for across in (False, True):
        # Of every line: whether anything is doubtful, and between where; then of all lines before and from each on.
        lines = inside.T if across else inside
        first, last = lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)
        empty = ~lines.any(axis=1)
        first[empty], last[empty] = lines.shape[1], 0
        marked = np.flatnonzero(~empty)
        before = (np.minimum.accumulate(first), np.maximum.accumulate(last))
        after = (np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last[::-1])[::-1])
        # It may be cut before every marked line but the first; the first half ends with the marked line before.
        cuts = marked[1:]
        ends = marked[:-1] + 1
        if not len(cuts):
            continue
        sizes = (shape[1], shape[0]) if across else shape
        costs = _area(ends, before[1][ends - 1] - before[0][ends - 1], sizes, doubt)
        costs = costs + _area(len(lines) - cuts, after[1][cuts] - after[0][cuts], sizes, doubt)
        chosen = int(costs.argmin())
        if costs[chosen] < best:
            best, cut = float(costs[chosen]), int(cuts[chosen])
            halves = (
                [region._replace(right=left + cut), region._replace(left=left + cut)] if across
                else [region._replace(bottom=top + cut), region._replace(top=top + cut)]
            )  # fmt: skip
    return best, halves


def _cost(top: int, bottom: int, left: int, right: int, shape: tuple[int, int], doubt: Doubt) -> float:
    return float(_area(np.array(bottom - top), np.array(right - left), shape, doubt))


def _area(
    rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int], doubt: Doubt
) -> NDArray[np.float64]:
    """Return the cost of boxes of so many squares, in pixels: of the windows they need, and of preparing these."""
    down, across = _sides(rows, shape[0], doubt), _sides(columns, shape[1], doubt)
    result: NDArray[np.float64] = down[0] * across[0] + PREPARATION * down[1] * across[1]
    return result


def _sides(squares: NDArray[np.int64], length: int, doubt: Doubt) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of the sides of the windows that so many squares in a row need, and the number of windows."""
    kept = squares * TILE
    count = np.ceil(kept / (LARGEST - 2 * doubt.margin))
    sides = doubt.step * np.ceil((kept / count + 2 * doubt.margin) / doubt.step)
    return count * np.minimum(sides, length), count


def _fits(region: _Region, doubt: Doubt) -> bool:
    return max(region.bottom - region.top, region.right - region.left) * TILE <= LARGEST - 2 * doubt.margin


def _span(first: int, last: int, length: int, doubt: Doubt) -> Span:
    """Return the window around squares `first` to `last` of a side of `length` pixels."""
    begin, end = first * TILE, min(last * TILE, length)
    side = min(length, doubt.step * -(-(end - begin + 2 * doubt.margin) // doubt.step))
    start = min(max(0, (begin + end - side) // 2), length - side)
    return Span(start, start + side, begin, end)
