"""Whether an infrared plane lies on its picture, by the dirt that shows in both."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Pixels

#: Pixels by which the planes may lie apart, and the half side of what is compared around each piece of dirt.
REACH, AROUND = 12, 8
#: Half side of the square whose mean a pixel of the picture is compared with: detail as wide as a large speck.
WIDE = 12
#: From here on more dirt is no more to compare.
FULL = 1000
#: Pieces compared, the darkest first, and from how many on a missing answer says that the planes do not match.
MOST, ENOUGH = 200, 20
#: The best place must stand out from the middle of all others by this mean correlation, and by so many deviations of
#: what chance alone gives: one piece over a picture without it correlates with a deviation of about 0.2.
LEAST, DEVIATIONS, CHANCE = 0.08, 5.0, 0.2


def find_shift(pixels: Pixels, dirt: NDArray[np.int16], floor: float) -> tuple[tuple[int, int] | None, str]:
    """Return by how many rows and columns the dirt is to be moved, with words about it; None with the reason why not.

    What stops infrared stops light too: around each piece, the picture's fine detail is laid over the dirt at every
    shift, and the sums over all pieces have one clear maximum where both planes lie alike.

    Args:
        pixels: (H,W) or (H,W,C).
        dirt: (H,W), how much infrared is stopped; what lies beyond 0 to `FULL` says no more than these.
        floor: from where it counts as dirt.
    """
    places = _places(dirt, floor)
    if not places:
        return (0, 0), ""
    total = np.zeros((2 * REACH + 1, 2 * REACH + 1))
    compared = 0
    rim = REACH + AROUND
    for row, column in places:
        if not (rim <= row < dirt.shape[0] - rim and rim <= column < dirt.shape[1] - rim):
            continue
        above, before = max(0, row - rim - WIDE), max(0, column - rim - WIDE)
        shown = pixels[above : row + rim + WIDE + 1, before : column + rim + WIDE + 1].astype(np.float32)
        shown = shown.mean(axis=2) if shown.ndim == 3 else shown
        fine = np.abs(shown - cv2.blur(shown, (2 * WIDE + 1, 2 * WIDE + 1)))
        top, left = row - rim - above, column - rim - before
        fine = fine[top : top + 2 * rim + 1, left : left + 2 * rim + 1]
        piece = dirt[row - AROUND : row + AROUND + 1, column - AROUND : column + AROUND + 1]
        piece = np.clip(piece, 0, FULL).astype(np.float32)
        if fine.shape != (2 * rim + 1, 2 * rim + 1) or fine.std() == 0:
            continue
        total += cv2.matchTemplate(fine, piece, cv2.TM_CCOEFF_NORMED)
        compared += 1
    if compared < 3:
        return (0, 0), "; too few places to check that both planes lie alike"
    best = np.unravel_index(int(total.argmax()), total.shape)
    aside = total[np.hypot(*(np.indices(total.shape) - np.array(best)[:, None, None])) > 4]
    clear = (float(total.max()) - float(np.median(aside))) / compared
    if clear < max(LEAST, DEVIATIONS * CHANCE / np.sqrt(compared)):
        if compared < ENOUGH:
            return (0, 0), "; too few places to check that both planes lie alike"
        return None, "what is dark in it does not show in the picture, which was cleaned already or lies elsewhere"
    shift = (int(best[0]) - REACH, int(best[1]) - REACH)
    if max(abs(shift[0]), abs(shift[1])) == REACH:
        return None, f"it lies more than {REACH} pixels beside the picture"
    if shift == (0, 0):
        return shift, ""
    return shift, f", moved by {shift[1]} columns and {shift[0]} rows"


def _places(dirt: NDArray[np.int16], floor: float) -> list[tuple[int, int]]:
    """Rows and columns of the middle of the darkest pieces; large ones are no dirt."""
    if floor > FULL:
        return []
    pieces = connected_components(dirt, floor)
    fit = np.flatnonzero(pieces.areas >= 3)
    order = fit[np.argsort(-np.minimum(pieces.areas[fit], 100), kind="stable")][:MOST]
    places = []
    for x, y, width, height in pieces.boxes[order].tolist():
        box = dirt[y : y + height, x : x + width]
        peak = np.unravel_index(int((box >= min(FULL, box.max())).argmax()), box.shape)
        places.append((y + int(peak[0]), x + int(peak[1])))
    return places
