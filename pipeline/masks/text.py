"""Find lines of print and clear handwriting on a scan, so that no letter is taken for a scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.joined import expand, join_pairs
from pipeline.imaging.luminance import luminance
from pipeline.imaging.types import Box, Pixels

#: Long side in pixels of the copy that is searched: cost does not grow with the scan.
SIDE = 1600
#: A small scan is enlarged at most so much.
ENLARGED = 1.6
#: Letters lie between these heights on that copy.
LOWEST, HIGHEST = 7, 110
#: Share of its box that a letter fills.
LEAST_FILL, MOST_FILL = 0.12, 0.95
#: Grey levels by which a letter differs from its paper at least.
CONTRAST = 28
#: Fewest letters in a row that make a line, and the gap between two of them at most, in heights of the taller one.
FEWEST, NEAR = 5, 1.1
#: Sides of the squares over which the paper's tone is averaged, on that copy: small print, and headlines.
SQUARES = (25, 81)


@dataclass(frozen=True)
class Line:
    """One line of text.

    Attributes:
        box: x, y, width, height in the scan's pixels.
        letter: height of its letters in the scan's pixels.
    """

    box: tuple[int, int, int, int]
    letter: float


def find_text(pixels: Pixels, matters: Callable[[Box], bool] = lambda box: True) -> list[Line]:
    """Return the lines of text on a scan (H,W) or (H,W,C), uint8 or uint16, level or turned by a quarter.

    Letters are components of one tone, one stroke width and one height in a row. Letters smaller than about 1/230 of
    the long side, joined-up writing whose words are one component each, and slanting lines are not found.

    Args:
        pixels: the scan.
        matters: whether a line within a box of the scan is to be found; others are left out where that saves time.
    """
    grey = luminance(pixels)
    scale = min(ENLARGED, SIDE / max(grey.shape))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method), np.uint8)
    found: list[Line] = []
    for square in SQUARES:
        paper = np.asarray(cv2.blur(grey, (square, square)), np.uint8)
        for polarity in (1, -1):
            blobs = _find_blobs(grey, paper, polarity)
            kept = np.zeros(len(blobs.boxes), np.bool_)
            for turned in (False, True):
                kept |= _may_be_rows(blobs, turned, lambda box: matters(_scale_up(box, scale)))
            shapes = _measure_shapes(blobs, kept, grey, paper)
            for turned in (False, True):
                for x, y, width, height, letter in _find_rows(_choose_letters(shapes, polarity, turned)):
                    box = (y, x, height, width) if turned else (x, y, width, height)
                    found.append(Line(_scale_up(box, scale), letter / scale))
    return found


def _scale_up(box: tuple[float, float, float, float], scale: float) -> Box:
    """Return a box of the copy in the scan's pixels."""
    left, top = (int(n / scale) for n in box[:2])
    right, bottom = (int(np.ceil((box[i] + box[i + 2]) / scale)) for i in (0, 1))
    return left, top, right - left, bottom - top


@dataclass(frozen=True)
class _Letters:
    """Components that may be letters: boxes (n,4), stroke widths and tones (n,)."""

    boxes: NDArray[np.float64]
    stroke: NDArray[np.float64]
    tone: NDArray[np.float64]


@dataclass(frozen=True)
class _Blobs:
    """Components of one polarity that have the size of letters, upright or turned by a quarter.

    Attributes:
        labels: (H,W) the number of each pixel's component, of all.
        numbers, boxes, area: (n,) the number of each of these, (n,4) x, y, width and height, and (n,) pixels.
    """

    labels: NDArray[np.int32]
    numbers: NDArray[np.int64]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]


@dataclass(frozen=True)
class _Shapes:
    """Components that were measured.

    Attributes:
        boxes: (n,4) x, y, width, height.
        stroke, spread: (n,) width of the stroke, and how much that varies.
        tone, uneven, around: (n,) mean and spread of the tone, and the paper's tone.
    """

    boxes: NDArray[np.float64]
    stroke: NDArray[np.float64]
    spread: NDArray[np.float64]
    tone: NDArray[np.float64]
    uneven: NDArray[np.float64]
    around: NDArray[np.float64]


def _find_blobs(grey: NDArray[np.uint8], paper: NDArray[np.uint8], polarity: int) -> _Blobs:
    """Return the components of one polarity that have the size of letters, upright or turned by a quarter.

    The same ones, turned, would be found on the picture turned.

    Args:
        grey, paper: the picture, and the tone of its paper, (H,W) each.
    """
    difference = cv2.subtract(paper, grey) if polarity > 0 else cv2.subtract(grey, paper)
    ink = np.asarray(cv2.threshold(difference, CONTRAST // 2, 1, cv2.THRESH_BINARY)[1], np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    sized = _has_size(width, height) | _has_size(height, width)
    fill = stats[:, cv2.CC_STAT_AREA] / np.maximum(width * height, 1)
    sized &= (fill > LEAST_FILL) & (fill < MOST_FILL)
    sized[0] = False  # the paper
    numbers = np.flatnonzero(sized)
    chosen = stats[numbers].astype(np.float64)
    return _Blobs(np.asarray(labels, np.int32), numbers, chosen[:, :4], chosen[:, cv2.CC_STAT_AREA])


def _may_be_rows(
    blobs: _Blobs, turned: bool, matters: Callable[[tuple[float, float, float, float]], bool]
) -> NDArray[np.bool_]:
    """Return which components (n,) lie beside each other as letters of a row do that matters, whatever they look like.

    Most are specks, shades and texture, which need not be measured.
    """
    boxes = blobs.boxes[:, [1, 0, 3, 2]] if turned else blobs.boxes
    result = np.zeros(len(boxes), np.bool_)
    order = np.flatnonzero(_has_size(boxes[:, 2], boxes[:, 3]))
    order = order[np.argsort(boxes[order, 0], kind="stable")]
    for row in _join(len(order), *_find_pairs(boxes[order])):
        members = order[row]
        (x, y), (right, bottom) = blobs.boxes[members, :2].min(axis=0), _ends(blobs.boxes[members]).max(axis=0)
        if matters((float(x), float(y), float(right - x), float(bottom - y))):
            result[members] = True
    return result


def _ends(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return right and bottom (n,2) of boxes (n,4)."""
    return boxes[:, :2] + boxes[:, 2:]


def _measure_shapes(
    blobs: _Blobs, chosen: NDArray[np.bool_], grey: NDArray[np.uint8], paper: NDArray[np.uint8]
) -> _Shapes:
    """Return the chosen components (n,), measured."""
    boxes, area, numbers = blobs.boxes[chosen], blobs.area[chosen], blobs.numbers[chosen]
    count = len(numbers)
    if not count:
        return _Shapes(boxes, *(np.zeros(0) for _ in range(5)))
    # Only where they lie, with a pixel around.
    left, top = (max(0, int(n) - 1) for n in boxes[:, :2].min(axis=0))
    right, bottom = (int(n) + 1 for n in _ends(boxes).max(axis=0))
    part = (slice(top, bottom), slice(left, right))
    labels, tones, papers = blobs.labels[part], grey[part].ravel(), paper[part].ravel()
    order = np.zeros(int(labels.max()) + 1, np.int32)
    order[numbers] = np.arange(1, count + 1)
    which = order[labels]
    kept = (which > 0).astype(np.uint8)
    depth = cv2.distanceTransform(kept, cv2.DIST_L2, 3)
    # The middle of a stroke: local maxima of the depth.
    spine = np.flatnonzero((depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))))
    of, deep = which.ravel()[spine] - 1, depth.ravel()[spine]
    pixels = np.maximum(np.bincount(of, minlength=count), 1)
    mean = np.bincount(of, weights=deep, minlength=count) / pixels
    square_mean = np.bincount(of, weights=deep**2, minlength=count) / pixels
    spread = np.sqrt(np.maximum(square_mean - mean**2, 0)) / np.maximum(mean, 1e-6)
    inside = np.flatnonzero(kept)
    of, values = which.ravel()[inside] - 1, tones[inside].astype(np.float64)
    tone = np.bincount(of, weights=values, minlength=count) / area
    squares = np.bincount(of, weights=values**2, minlength=count) / area
    uneven = np.sqrt(np.maximum(squares - tone**2, 0))
    around = np.bincount(of, weights=papers[inside], minlength=count) / area
    return _Shapes(boxes, 2 * mean, spread, tone, uneven, around)


def _has_size(width: NDArray[Any], height: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which boxes have the size of letters on a level line."""
    found = (height >= LOWEST) & (height <= HIGHEST) & (width <= 2.5 * height) & (height <= 9 * width)
    return np.asarray(found, np.bool_)


def _choose_letters(shapes: _Shapes, polarity: int, turned: bool) -> _Letters:
    """Return those with the size and the even stroke of letters; boxes as on the picture turned, if asked."""
    boxes = shapes.boxes[:, [1, 0, 3, 2]] if turned else shapes.boxes
    width, height, stroke, spread = boxes[:, 2], boxes[:, 3], shapes.stroke, shapes.spread
    tone, uneven, around = shapes.tone, shapes.uneven, shapes.around
    fits = _has_size(width, height) & (stroke < 0.45 * height) & (spread < 0.6)
    fits &= (around - tone) * polarity > 0.7 * CONTRAST
    fits &= uneven < 0.5 * np.abs(around - tone)
    return _Letters(boxes[fits], stroke[fits], tone[fits])


def _find_rows(letters: _Letters) -> list[tuple[float, float, float, float, float]]:
    """Return rows of similar letters: x, y, width, height and the height of a letter."""
    if len(letters.boxes) < FEWEST:
        return []
    order = np.argsort(letters.boxes[:, 0], kind="stable")
    boxes, stroke, tone = letters.boxes[order], letters.stroke[order], letters.tone[order]
    one, other = _find_pairs(boxes)
    alike = np.maximum(stroke[one], stroke[other]) < 1.7 * np.minimum(stroke[one], stroke[other])
    alike &= np.abs(tone[other] - tone[one]) < 30
    rows = _join(len(boxes), one[alike], other[alike])
    lines = (_line(boxes[row], stroke[row], tone[row]) for row in rows)
    return [line for line in lines if line is not None]


def _find_pairs(boxes: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which boxes (n,4), sorted from left to right, are of like height and beside which ones."""
    left, top, width, height = boxes.T
    right, middle = left + width, top + height / 2
    # Letters in a row are at most twice as tall as each other, which bounds how far away the next one may begin.
    reach = right + NEAR * np.minimum(2 * height, HIGHEST)
    ends = np.maximum(np.searchsorted(left, reach), np.arange(1, len(boxes) + 1))
    counts = ends - np.arange(1, len(boxes) + 1)
    one = np.repeat(np.arange(len(boxes)), counts)
    other = expand(np.arange(1, len(boxes) + 1), counts)
    tall = np.maximum(height[one], height[other])
    near = np.minimum(height[one], height[other]) > 0.5 * tall
    near &= np.abs(middle[other] - middle[one]) < 0.4 * tall
    one, other, tall = one[near], other[near], tall[near]
    gap = left[other] - right[one]
    near = (gap < NEAR * tall) & (gap > -0.4 * tall)
    return one[near], other[near]


def _join(count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the groups of at least `FEWEST` that pairs of `count` things make, in the order of their first members."""
    root = join_pairs(count, one, other)
    order = np.argsort(root, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(root[order])) + 1)
    return [group for group in groups if len(group) >= FEWEST]


def _line(
    boxes: NDArray[np.float64], stroke: NDArray[np.float64], tone: NDArray[np.float64]
) -> tuple[float, float, float, float, float] | None:
    """Return one row of letters as a box, or None when they form no row, as foliage does."""
    left, top, width, height = boxes.T
    letter = float(np.median(height))
    bottom = top + height
    slope, start = np.polyfit(left, bottom, 1)
    # Letters sit on a baseline, except a few that reach below it and would pull it down.
    standing = bottom - (slope * left + start) < 0.1 * letter
    if np.count_nonzero(standing) >= 3:
        slope, start = np.polyfit(left[standing], bottom[standing], 1)
    off = np.abs(bottom - (slope * left + start)) / letter
    if np.median(off) > 0.12 or np.quantile(off, 0.8) > 0.4 or abs(slope) > 0.1 or np.ptp(left) < 2.5 * letter:
        return None
    # Bars of a window or a fence all have one shape; letters do not.
    if np.std(width) < 0.12 * np.mean(width) and len(boxes) < 12:
        return None
    # One pen, one ink, and more letter than gap.
    if np.std(stroke) > 0.3 * np.mean(stroke) or np.std(tone) > 14 or width.sum() < 0.45 * np.ptp(left):
        return None
    return (
        float(left.min()), float(top.min()), float((left + width).max() - left.min()),
        float(bottom.max() - top.min()), letter,
    )  # fmt: skip
