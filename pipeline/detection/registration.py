"""Align an infrared plane with its picture by the dirt that shows in both."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Pixels

#: Largest shift in pixels, and half the side of what is compared around each speck of dirt.
REACH, AROUND = 12, 8
#: Half the side of the square whose mean is subtracted from the picture: keeps detail as wide as a large speck.
WIDE = 12
#: Values of dirt are clipped here: beyond it they say nothing more.
FULL = 1000
#: Specks compared, the largest first, and from how many on the lack of a maximum means that the planes do not match.
MOST, ENOUGH = 200, 20
#: The best shift must exceed the median of all others by this mean correlation, and by so many standard deviations of
#: what chance gives: a speck over a picture without it correlates with a standard deviation of about 0.2.
LEAST, DEVIATIONS, BY_CHANCE = 0.08, 5.0, 0.2


def find_shift(pixels: Pixels, dirt: NDArray[np.int16], floor: float) -> tuple[tuple[int, int] | None, str]:
    """Return by how many rows and columns the dirt is to be moved, with a note; or None with the reason.

    What blocks infrared blocks light too: around each speck the picture's fine detail is correlated with the dirt at
    every shift, and the sums over all specks have one clear maximum where both planes are aligned.

    Args:
        pixels: (H,W) or (H,W,C).
        dirt: (H,W), how much infrared is blocked; clipped to 0..`FULL`.
        floor: from which value it counts as dirt.
    """
    specks = _find_specks(dirt, floor)
    if not specks:
        return (0, 0), ""
    total = np.zeros((2 * REACH + 1, 2 * REACH + 1))
    compared = 0
    rim = REACH + AROUND
    for row, column in specks:
        if not (rim <= row < dirt.shape[0] - rim and rim <= column < dirt.shape[1] - rim):
            continue
        above, before = max(0, row - rim - WIDE), max(0, column - rim - WIDE)
        near = pixels[above : row + rim + WIDE + 1, before : column + rim + WIDE + 1].astype(np.float32)
        near = near.mean(axis=2) if near.ndim == 3 else near
        fine = np.abs(near - cv2.blur(near, (2 * WIDE + 1, 2 * WIDE + 1)))
        top, left = row - rim - above, column - rim - before
        fine = fine[top : top + 2 * rim + 1, left : left + 2 * rim + 1]
        speck = dirt[row - AROUND : row + AROUND + 1, column - AROUND : column + AROUND + 1]
        speck = np.clip(speck, 0, FULL).astype(np.float32)
        if fine.shape != (2 * rim + 1, 2 * rim + 1) or fine.std() == 0:
            continue
        total += cv2.matchTemplate(fine, speck, cv2.TM_CCOEFF_NORMED)
        compared += 1
    if compared < 3:
        return (0, 0), "; too few specks to check that both planes are aligned"
    best = np.unravel_index(int(total.argmax()), total.shape)
    aside = total[np.hypot(*(np.indices(total.shape) - np.array(best)[:, None, None])) > 4]
    clear = (float(total.max()) - float(np.median(aside))) / compared
    if clear < max(LEAST, DEVIATIONS * BY_CHANCE / np.sqrt(compared)):
        if compared < ENOUGH:
            return (0, 0), "; too few specks to check that both planes are aligned"
        return (
            None,
            "what is dark in it does not show in the picture, which was cleaned already or is not aligned",
        )
    shift = (int(best[0]) - REACH, int(best[1]) - REACH)
    if max(abs(shift[0]), abs(shift[1])) == REACH:
        return None, f"it is shifted by more than {REACH} pixels against the picture"
    if shift == (0, 0):
        return shift, ""
    return shift, f", moved by {shift[1]} columns and {shift[0]} rows"


def _find_specks(dirt: NDArray[np.int16], floor: float) -> list[tuple[int, int]]:
    """Return rows and columns of the darkest pixel of each speck, the largest specks first."""
    if floor > FULL:
        return []
    components = connected_components(dirt, floor)
    fit = np.flatnonzero(components.areas >= 3)
    order = fit[np.argsort(-np.minimum(components.areas[fit], 100), kind="stable")][:MOST]
    specks = []
    for x, y, width, height in components.boxes[order].tolist():
        box = dirt[y : y + height, x : x + width]
        peak = np.unravel_index(int((box >= min(FULL, box.max())).argmax()), box.shape)
        specks.append((y + int(peak[0]), x + int(peak[1])))
    return specks
