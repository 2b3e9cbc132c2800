"""Repair lines whole or not at all: half a scratch filled looks worse than none."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.detection.lines import is_line
from pipeline.detection.marks import MarkedScan
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask

#: Probability in 1/255 down to which a line is followed, and the gaps in units that it may have.
FOLLOWED, GAP = 45, 5.0
#: A line is so many times longer than wide, and so many units long and at most wide.
ELONGATED, LONG, WIDE = 5.0, 12.0, 8.0
#: Share of a line from which on all of it is repaired; of less of it, nothing.
ENOUGH = 0.4
#: Length in units up to which another mark is small, and the share of it from which on all of it is repaired.
SMALL, MOST = 45.0, 0.35
#: Pixels beside a repair that count as repaired: it will be dilated.
BESIDE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def repair_lines_whole(scan: MarkedScan, repair: Mask) -> Mask:
    """Return what is repaired (H,W), with every line in it either whole or left out, and other marks whole if mostly.

    Memory: three bytes a pixel.
    """
    if not repair.any():
        return repair
    line = np.asarray(cv2.threshold(scan.probability, FOLLOWED - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
    followed = connected_components(_close_gaps(line, scan.unit))
    touched = followed.sums(repair) > 0
    covered = np.asarray(cv2.min(cv2.dilate(repair, BESIDE), line), np.uint8)
    share = followed.sums(covered) / np.maximum(followed.sums(line), 1)
    del covered, line  # planes of the scan's size
    widest, diagonals = WIDE * scan.unit, np.hypot(*followed.boxes[:, 2:].T)
    lines = touched & (np.maximum(diagonals, followed.areas / widest) > LONG * scan.unit)
    for n in np.flatnonzero(lines).tolist():
        lines[n] = is_line(followed, n, widest, ELONGATED)
    small = touched & ~lines & (diagonals <= SMALL * scan.unit)
    dropped, filled = (
        followed.paint(np.where(chosen, np.uint8(255), np.uint8(0)))
        for chosen in (lines & (share < ENOUGH), lines & (share >= ENOUGH) | small & (share >= MOST))
    )
    rest = connected_components(np.asarray(cv2.subtract(repair, dropped), np.uint8))
    # What nothing of this probability supports is the rim to which a line that is left out was grown.
    rim = rest.maxima(scan.probability) < FOLLOWED
    result = rest.paint(np.where(rim, np.uint8(0), np.uint8(255)))
    return np.asarray(cv2.add(result, filled, dst=result), np.uint8)


def _close_gaps(mask: Mask, unit: float) -> Mask:
    side = 2 * round(GAP * unit / 2) + 1
    return np.asarray(
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8
    )
