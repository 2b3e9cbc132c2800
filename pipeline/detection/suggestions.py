"""Suggest to a reviewer what is suspected: little on a clean picture, boldly on a worn one."""

from __future__ import annotations

import math

import cv2
import numpy as np

from pipeline.detection.marks import MarkedScan
from pipeline.detection.thresholds import Thresholds, adjust_threshold, find_specks, limit_coverage
from pipeline.detection.tone_growth import Tone, grow_to_tone
from pipeline.detection.wear import Wear, from_log_odds, log_odds
from pipeline.imaging.types import Mask

#: What is added to the log-odds of the threshold at the reference wear, its range, and how much more certain than that
#: the most certain pixel must be. The evidence of wear moves the threshold in full, as it moves that of repairs.
ADDED, LOW, HIGH, PEAK = -1.0, 0.03, 0.3, 1.5
#: Highest probability in 1/255 that can be asked of a mark.
HIGHEST = 254
#: Suggestions of lower probability in 1/255 than this are left out where they are broad: a disc of a radius of so many
#: units fits into them.
FAINT, BREADTH = 20, 4.0
#: Probability in 1/255 from which pixels of the tone of paper are suggested where they touch what is suggested.
DOUBTED = 10


def suggest_marks(
    scan: MarkedScan, thresholds: Thresholds, wear: Wear, *, light: bool, sensitivity: float, tone: Tone | None = None
) -> Mask:
    """Return the lighter or darker marks (H,W) to suggest: 255 where they are, and where they are seen.

    Args:
        scan: with the network's probabilities.
        thresholds: from calibration.
        wear: by marks of this polarity.
        light: which marks: lighter than their surroundings, or darker.
        sensitivity: 2 accepts at half the odds.
        tone: of bare paper, where the picture shows it; light marks grow to it.
    """
    odds = log_odds(thresholds.suggest) + ADDED - math.log(sensitivity) - wear.evidence
    least = min(max(from_log_odds(odds), LOW), HIGH)
    cut = limit_coverage(scan.probability, max(1, round(255 * least)))
    marks = scan.visible_marks(cut, light=light)
    speck = adjust_threshold(thresholds.suggest_speck, sensitivity)
    chosen = marks.peak >= min(HIGHEST, PEAK * cut)
    chosen &= ~find_specks(marks.components, scan.probability) | (marks.peak >= speck)
    suggest = _without_faint_breadth(scan, marks.paint(chosen))
    return suggest if tone is None else grow_to_tone(scan, suggest, tone, DOUBTED)


def _without_faint_breadth(scan: MarkedScan, suggest: Mask) -> Mask:
    """Return what is suggested (H,W), without broad parts of it that are doubted everywhere: backdrops, skin, haze."""
    faint = np.asarray(cv2.threshold(scan.probability, FAINT - 1, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
    cv2.bitwise_and(faint, suggest, dst=faint)
    if not faint.any():
        return suggest
    size = tuple(max(1, side // int(scan.unit)) for side in suggest.shape[::-1])
    copy = cv2.threshold(cv2.resize(faint, size, interpolation=cv2.INTER_AREA), 254, 255, cv2.THRESH_BINARY)[1]
    side = 2 * round(BREADTH) + 1
    opened = cv2.morphologyEx(copy, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    broad = cv2.resize(opened, suggest.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.subtract(suggest, cv2.bitwise_and(broad, faint, dst=broad), dst=suggest), np.uint8)
