"""Find the paint on a copy of the scan: where the copy differs from the scan, if that is beyond doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

# Differences are those of the channel that differs most, 0..255.
#: Up to this much a copy is exact: rounding to 8 bits.
EXACT = 2
#: Up to this much is the loss of a compressed copy; from `STRONG` on a difference is paint.
LOSSY, STRONG = 24, 48
#: Share of the places where the scan has structure at which a copy has the scan's tones.
LIKE_EXACT, LIKE_LOSSY = 0.6, 0.75
#: A difference of tones to the right or below that is structure.
STRUCTURE = 6
#: Above this share of the picture a difference is no paint any more.
MOST_PAINT = 0.4
#: Colours closer than this are one paint.
SAME_PAINT = 6
#: Share of the difference that has one colour; pixels by which compression carries it over its edge.
ONE_COLOUR, BLEED = 0.6, 8
ROWS = 512


@dataclass(frozen=True)
class CopyPaint:
    """What was painted on a copy.

    Attributes:
        marked: (H,W) bool; None where no paint is clear, and `problem` says why.
        problem: the end of a sentence about the mask.
    """

    marked: NDArray[np.bool_] | None
    problem: str = ""


def find_paint(copy: NDArray[np.uint8], scan: NDArray[np.uint8]) -> CopyPaint | None:
    """Return what was painted on a copy of a scan; None for what is no copy of it.

    Args:
        copy: (H,W) or (H,W,3).
        scan: the same size, as stored, in 8 bits.
    """
    difference = max_difference(copy, scan)
    structured = _structure(scan)
    seen = difference[structured] if np.count_nonzero(structured) > 0.005 * structured.size else difference
    if np.mean(seen <= EXACT) >= LIKE_EXACT:
        return _exact(copy, difference)
    if np.mean(seen <= LOSSY) >= LIKE_LOSSY:
        return _lossy(copy, difference)
    return None


def max_difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the difference (H,W) of the channel that differs most; grey counts as three equal channels."""
    result = np.empty(one.shape[:2], np.uint8)
    for row in range(0, len(one), ROWS):
        first, second = one[row : row + ROWS], other[row : row + ROWS]
        if first.ndim != second.ndim:
            first, second = (part[..., None] if part.ndim == 2 else part for part in (first, second))
            first, second = np.broadcast_arrays(first, second)
        strip = cv2.absdiff(np.ascontiguousarray(first), np.ascontiguousarray(second))
        # NumPy's maximum over a short last axis takes ten times as long.
        result[row : row + ROWS] = reduce(np.maximum, cv2.split(strip)) if strip.ndim == 3 else strip
    return result


def is_near(pixels: NDArray[np.uint8], colour: Sequence[int], tolerance: int) -> NDArray[np.bool_]:
    """Return where (H,W) no channel of a picture differs from a colour, one number a channel, by more than that."""
    low, high = ([one + by for one in colour] for by in (-tolerance, tolerance))
    near = np.empty(pixels.shape[:2], bool)
    for row in range(0, len(pixels), ROWS):
        strip = np.ascontiguousarray(pixels[row : row + ROWS])
        near[row : row + ROWS] = cv2.inRange(strip, np.array(low, np.float64), np.array(high, np.float64)) > 0
    return near


def _structure(scan: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a picture (H,W) is not flat: two pictures may share a background and nothing else."""
    grey = scan if scan.ndim == 2 else scan[..., 1]
    found = np.zeros(grey.shape, bool)
    found[:, :-1] = cv2.absdiff(grey[:, :-1], grey[:, 1:]) >= STRUCTURE
    found[:-1] |= cv2.absdiff(grey[:-1], grey[1:]) >= STRUCTURE
    return found


def _exact(copy: NDArray[np.uint8], difference: NDArray[np.uint8]) -> CopyPaint:
    marked = difference > EXACT
    share = float(marked.mean())
    if share == 0:
        return CopyPaint(None, "is a copy of the picture with nothing painted on it")
    if share > MOST_PAINT:
        return CopyPaint(None, f"is a copy of the picture that differs from it on {share:.0%}, which is no clear paint")
    same = _of_one_colour(copy, marked, SAME_PAINT)
    if same is not None:
        # Paint on a place of its own colour makes no difference there, but touches the rest of the stroke.
        touching = _touching(same, marked)
        unseen = int(np.count_nonzero(touching & ~marked))
        if unseen > 0.25 * np.count_nonzero(marked):
            return CopyPaint(None, "is a copy of the picture, painted in a colour that is in the picture beside it")
        marked |= touching
    return CopyPaint(marked)


def _lossy(copy: NDArray[np.uint8], difference: NDArray[np.uint8]) -> CopyPaint:
    """Return the paint on a compressed copy: one colour, differing strongly, and nothing else that does."""
    strong = difference > STRONG
    if not strong.any():
        return CopyPaint(None, "is a copy of the picture with no clear paint on it")
    core = _of_one_colour(copy, strong, STRONG)
    if core is not None:
        core &= difference > LOSSY
        near = cv2.dilate(core.astype(np.uint8), np.ones((2 * BLEED + 1, 2 * BLEED + 1), np.uint8)) > 0
        stray = int(np.count_nonzero(strong & ~near))
        if stray <= 0.02 * np.count_nonzero(strong) and core.mean() <= MOST_PAINT:
            rim = cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            return CopyPaint(core | (rim & (difference > LOSSY)))
    return CopyPaint(None, "is a compressed copy of the picture without one clear colour of paint")


def _of_one_colour(copy: NDArray[np.uint8], marked: NDArray[np.bool_], tolerance: int) -> NDArray[np.bool_] | None:
    """Return where a picture has the colour that most marked pixels have; None where they have no common colour."""
    values = copy[marked].reshape(np.count_nonzero(marked), -1)
    colour = np.median(values, axis=0)
    if np.mean(np.abs(values - colour).max(axis=1) <= tolerance) < ONE_COLOUR:
        return None
    return is_near(copy, colour.astype(int).tolist(), tolerance)


def _touching(pixels: NDArray[np.bool_], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected parts (H,W) of some pixels that touch a mark."""
    _, labels = cv2.connectedComponents((pixels | marked).astype(np.uint8), connectivity=8)
    touched = np.unique(labels[marked])
    keep = np.zeros(int(labels.max()) + 1, bool)
    keep[touched] = True
    found: NDArray[np.bool_] = keep[labels] & pixels
    return found
