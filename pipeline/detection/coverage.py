"""Limit how much of a scan is repaired unseen: of a wreck, the surest marks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.marks import MarkedScan
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask

#: Times what may be covered: above it a scan is damaged all over, or misunderstood, and nothing is repaired unseen.
FAR_ABOVE = 3.0


def share_of(mask: Mask) -> float:
    """Return the share of a scan that a mask (H,W) covers, 0..1."""
    return float(np.count_nonzero(mask)) / max(1, mask.size)


def limit_repair(scan: MarkedScan, repair: Mask, most: float) -> Mask:
    """Return the surest marks, by their mean probability, that together cover at most a share of the scan.

    All marks are returned where they cover no more, or so much more that a person has to look first.

    Args:
        scan: with its probabilities.
        repair: (H,W), 255 in marks to repair.
        most: share of the scan, 0..1.
    """
    if not most < share_of(repair) <= FAR_ABOVE * most:
        return repair
    marks = connected_components(repair)
    room = int(most * repair.size)
    if marks.areas.max() > room:
        # It would be left whole, and less sure marks be filled: of such a mark the surest parts are taken.
        large = marks.paint(np.where(marks.areas > room, np.uint8(255), np.uint8(0)))
        repair = np.where(_surest(scan, repair, room), repair, repair & ~large)
        marks = connected_components(repair)
    surest = np.argsort(-marks.sums(scan.probability) / marks.areas, kind="stable")
    kept = np.zeros(len(marks), np.uint8)
    for index in surest.tolist():
        # A large mark that no longer fits leaves room for smaller ones.
        if marks.areas[index] <= room:
            room -= int(marks.areas[index])
            kept[index] = 255
    return marks.paint(kept)


def _surest(scan: MarkedScan, repair: Mask, room: int) -> NDArray[np.bool_]:
    """Return where the probability of what is repaired is so high (H,W) that at most so many pixels reach it."""
    inside = np.asarray(cv2.bitwise_and(scan.probability, repair), np.uint8)
    reaching = np.cumsum(np.bincount(inside.ravel(), minlength=256)[::-1])  # pixels of 255, of 254 and more, and so on
    return np.asarray(inside >= max(1, 256 - int(np.searchsorted(reaching, room, side="right"))))
