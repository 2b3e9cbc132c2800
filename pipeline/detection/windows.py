"""Run a network over a scan of any size: in windows at its own scale and at halves of it, fused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.features import compute_features
from pipeline.detection.runners import Features, Runner, Sink
from pipeline.imaging.types import Pixels

#: Side of the network's windows, and the margin that is not kept of them: at a rim half the context is missing. All but
#: the last in a row begin at multiples of `WINDOW - 2 * MARGIN`, which should be a multiple of the network's.
WINDOW, MARGIN = 832, 48
#: The picture is halved while its short side stays above this: damage grows with the scan, the network's view does not.
COARSEST = 360
#: Rows processed at a time where whole planes are computed; bounds memory.
ROWS = 1024


@dataclass(frozen=True)
class View:
    """One test-time augmentation: how the network is shown a window.

    Attributes:
        scale: factor of its size.
        turn: mirrors or rotates a plane (H,W) or (H,W,C), and is its own inverse.
    """

    scale: float
    turn: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture (H,W,3) as the network is shown it."""
        return np.ascontiguousarray(self.turn(_resize(picture, *self._scaled(*picture.shape[:2]))))

    def invert(self, probability: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
        """Return (rows,columns), the network's answer (padded) to the changed picture, for the original picture."""
        shown = self.turn(np.empty(self._scaled(rows, columns), np.uint8)).shape
        return _resize(np.ascontiguousarray(self.turn(probability[: shown[0], : shown[1]])), rows, columns)

    def _scaled(self, rows: int, columns: int) -> tuple[int, int]:
        return max(1, round(self.scale * rows)), max(1, round(self.scale * columns))


def _resize(plane: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    if plane.shape[:2] == (rows, columns):
        return plane
    how = cv2.INTER_AREA if rows < plane.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (columns, rows), interpolation=how), np.uint8)


#: How the network is shown each window. About unfamiliar damage it is unsure, differently so in each view: the mean of
#: two is right more often than one. The smaller view shows damage without its grain; the larger one is less easily
#: misled by what only looks like damage: tops of clouds, hems, painted lines.
VIEWS = (
    View(0.8, lambda plane: plane[::-1, ::-1]),
    View(1.25, lambda plane: plane[:, ::-1]),
)

#: Probabilities in 1/255 as logits; the ends are a quarter of a step away from 0 and 1, and survive the way back.
_SHARES = np.clip(np.arange(256, dtype=np.float32) / 255, 1 / 1020, 1 - 1 / 1020)
LOGITS = np.log(_SHARES / (1 - _SHARES))


@dataclass(frozen=True)
class Span:
    """One window along one side: it covers `first` to `last`, and `begin` to `end` of it is kept."""

    first: int
    last: int
    begin: int
    end: int


def spans(length: int, window: int, margin: int) -> list[Span]:
    """Return the fewest windows that cover a side of `length` pixels, all inside it.

    What is kept of a window lies at least `margin` pixels from where it was cut. Windows are moved inside the picture
    rather than padded: a mirror image is not real context.
    """
    if length <= window:
        return [Span(0, length, 0, length)]
    starts = [*range(0, length - window, window - 2 * margin), length - window]
    # One window ends and the next begins in the middle of their overlap.
    cuts = [0, *((before + window + after) // 2 for before, after in pairwise(starts)), length]
    return [Span(first, first + window, *kept) for first, kept in zip(starts, pairwise(cuts), strict=True)]


def probabilities(runner: Runner, pixels: Pixels, multiple: int) -> NDArray[np.uint8]:
    """Return (H,W) uint8, the highest probability of damage at each pixel over all scales, in 1/255.

    Memory beside the scan and the result: a third of an 8-bit copy of it, and a few windows.

    Args:
        runner: the network, ready to run.
        runner: runs the network.
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        multiple: what the network's input must be a multiple of.
    """
    result = np.zeros(pixels.shape[:2], np.uint8)
    runner.run(_windows(pixels, result, multiple))
    if min(result.shape) // 2 >= COARSEST:
        raise_to_at_least(result, probabilities(runner, halve(pixels), multiple))
    return result


def _windows(pixels: Pixels, result: NDArray[np.uint8], multiple: int) -> Iterator[tuple[Features, Sink]]:
    """Yield the network's input for each view of each window, with the sink of its answer."""
    rows, columns = result.shape
    for down in spans(rows, WINDOW, MARGIN):
        for across in spans(columns, WINDOW, MARGIN):
            shown = as_rgb(pixels[down.first : down.last, across.first : across.last])
            average = _ViewAverage(shown.shape[:2], _writer(result, down, across))
            for view in VIEWS:
                yield compute_features(_pad(view.apply(shown), multiple)), average.sink_for(view)


class _ViewAverage:
    """Average the network's answers to all views of a window, and pass the average on.

    The mean is taken of logits, which suits views whose errors are independent.
    """

    def __init__(self, size: tuple[int, ...], sink: Sink) -> None:
        self._sink = sink
        self._sum, self._missing = np.zeros(size, np.float32), len(VIEWS)

    def sink_for(self, view: View) -> Sink:
        """Return the sink of the answer to one view."""

        def take(probability: NDArray[np.uint8]) -> None:
            self._sum += LOGITS[view.invert(probability, *self._sum.shape)]
            self._missing -= 1
            if not self._missing:
                self._sink(np.round(255 / (1 + np.exp(-self._sum / len(VIEWS)))).astype(np.uint8))

        return take


def _writer(result: NDArray[np.uint8], down: Span, across: Span) -> Sink:
    """Return the sink that writes the kept part of a window's probabilities into the result."""

    def write(probability: NDArray[np.uint8]) -> None:
        part = probability[down.begin - down.first : down.end - down.first, across.begin - across.first :]
        result[down.begin : down.end, across.begin : across.end] = part[:, : across.end - across.begin]

    return write


def _pad(picture: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """Return the picture (H,W,3), mirrored at its far edges to a multiple."""
    rows, columns = picture.shape[:2]
    down, right = -rows % multiple, -columns % multiple
    if not (down or right):
        return picture
    mode = "edge" if min(rows, columns) < 2 else "reflect"
    return np.ascontiguousarray(np.pad(picture, ((0, down), (0, right), (0, 0)), mode=mode))  # type: ignore[call-overload]


def as_rgb(pixels: Pixels) -> NDArray[np.uint8]:
    """Return pixels of any depth and number of channels as (H,W,3) uint8."""
    eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8)
    if eight.ndim == 2 or eight.shape[2] < 3:
        grey = eight if eight.ndim == 2 else eight[:, :, 0]
        return np.asarray(cv2.merge([np.asarray(grey, np.uint8)] * 3), np.uint8)
    return np.ascontiguousarray(eight[:, :, :3], np.uint8)


def halve(pixels: Pixels) -> NDArray[np.uint8]:
    """Return (H//2,W//2,3) uint8: the mean of each square of four pixels, computed in strips."""
    rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
    result = np.empty((rows, columns, 3), np.uint8)
    for top in range(0, rows, ROWS):
        bottom = min(rows, top + ROWS)
        strip = as_rgb(pixels[2 * top : 2 * bottom, : 2 * columns])
        cv2.resize(strip, (columns, bottom - top), dst=result[top:bottom], interpolation=cv2.INTER_AREA)
    return result


def raise_to_at_least(result: NDArray[np.uint8], coarse: NDArray[np.uint8]) -> None:
    """Raise `result` (H,W), in place and in strips, to at least the values of a plane of half its size."""
    rows, columns = coarse.shape
    for top in range(0, rows, ROWS):
        bottom = min(rows, top + ROWS)
        # One more row on either side, so that strips join without a seam.
        first, last = max(0, top - 1), min(rows, bottom + 1)
        wide = cv2.resize(coarse[first:last], (2 * columns, 2 * (last - first)), interpolation=cv2.INTER_LINEAR)
        wide = wide[2 * (top - first) : 2 * (bottom - first)]
        part = result[2 * top : 2 * bottom, : 2 * columns]
        np.maximum(part, wide, out=part)
