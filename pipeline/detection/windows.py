"""Run a network over a scan of any size: in windows at its own scale and at halves of it, fused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection import cover
from pipeline.detection.cover import Span
from pipeline.detection.features import compute_features
from pipeline.detection.runners import Features, Runner, Sink
from pipeline.detection.views import FIRST, MEANS, QUICK, SECOND, View
from pipeline.imaging.types import Pixels

#: Largest side of the windows of the first look, what their sides are a multiple of, and the margin that is not kept of
#: them: at a rim half the context is missing.
WINDOW, STEP, MARGIN = 1600, 20, 48
#: The picture is halved while its short side stays above this: damage grows with the scan, the network's view does not.
COARSEST = 360
#: Rows processed at a time where whole planes are computed; bounds memory.
ROWS = 1024


def probabilities(
    runner: Runner, pixels: Pixels, multiple: int, finer: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return (H,W) uint8, the highest probability of damage at each pixel over all scales, in 1/255.

    At each scale the network looks twice: at everything, and again, larger, where the first look is doubtful (see
    `find_doubtful`). There the mean of both counts. What is found depends on the scan alone. Scales finer than the
    coarsest are looked at with less effort: most of what is on them is seen at the next one, too.

    Memory beside the scan and the result: a third of an 8-bit copy of it, and a few windows.

    Args:
        runner: the network, ready to run.
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        multiple: what the network's input must be a multiple of.
        finer: (H,W), what is known from the next finer scale, if any: where it is as sure as the first look, nothing is
            doubtful.
    """
    result: NDArray[np.uint8] = np.zeros(pixels.shape[:2], np.uint8)
    rows, columns = result.shape
    halved = min(rows, columns) // 2 >= COARSEST
    first, doubt = (QUICK, cover.FINER) if halved else (FIRST, cover.COARSEST)
    down, across = (cover.spans(side, WINDOW, MARGIN, STEP) for side in (rows, columns))
    runner.run(_look(first, pixels, product(down, across), result, multiple))
    unknown = result if finer is None else np.where(result > finer, result, np.uint8(0))
    doubtful = cover.find_doubtful(unknown, doubt.least)
    del unknown  # a plane of the scan's size
    again = cover.cover(doubtful, (rows, columns), doubt)
    runner.run(_look(SECOND, pixels, again, result, multiple, again=True))
    if halved:
        raise_to_at_least(result, probabilities(runner, halve(pixels), multiple, _halve_nearby(result)))
    return result


def _halve_nearby(result: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H//2,W//2), the highest probability within a pixel of each: on a smaller copy marks have halos."""
    rows, columns = (side // 2 * 2 for side in result.shape)
    highest = result[:rows:2, :columns:2].copy()
    for down, across in ((0, 1), (1, 0), (1, 1)):
        np.maximum(highest, result[down:rows:2, across:columns:2], out=highest)
    return np.asarray(cv2.dilate(highest, np.ones((3, 3), np.uint8), dst=highest), np.uint8)


def _look(
    view: View, pixels: Pixels, places: Iterable[tuple[Span, Span]], result: NDArray[np.uint8], multiple: int,
    *, again: bool = False,
) -> Iterator[tuple[Features, Sink]]:  # fmt: skip
    """Yield the network's input for a view of each window, with the sink that writes its answer into the result."""
    for down, across in places:
        shown = as_rgb(pixels[down.first : down.last, across.first : across.last])
        yield compute_features(_pad(view.apply(shown), multiple)), _writer(view, result, down, across, again)


def _writer(view: View, result: NDArray[np.uint8], down: Span, across: Span, again: bool) -> Sink:
    """Return the sink that writes the kept part of a window's probabilities, or joins it with the first look's."""
    kept = result[down.begin : down.end, across.begin : across.end]

    def write(probability: NDArray[np.uint8]) -> None:
        said = view.invert(probability, down.last - down.first, across.last - across.first)
        said = said[down.begin - down.first :, across.begin - across.first :][: kept.shape[0], : kept.shape[1]]
        kept[:] = MEANS[kept, said] if again else said

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
