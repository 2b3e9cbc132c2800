"""Grow light marks to what has the tone that the sure ones show: paper, where the emulsion is gone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.marks import SQUARE, MarkedScan
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask, Pixels

#: Probability in 1/255 of the pixels that show the tone, and their fewest number.
SURE, LEAST = 128, 30
#: Probability in 1/255 below which no repair is grown to.
DOUBTED = 20
#: Smallest deviations of lightness and colours (CIELAB of 8 bits), and how many times the tone's own deviation a pixel
#: may differ. It may be lighter by any amount.
DEVIATION, REACH = (10.0, 4.0, 5.0), 1.25
#: Area in square units from which a region of the tone must have a rim that is steep, and the side in units of the
#: squares that fit into it: paper that shows is sharply bounded, and stains, glare and skin are not.
LARGE, BREADTH = 1000, 5
#: Rows compared at a time.
ROWS = 512


@dataclass(frozen=True)
class Tone:
    """Median and deviation (3,) of colours in CIELAB of 8 bits."""

    median: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def select(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return (H,W), 255 where pixels have the tone, or are lighter than it."""
        low, high = (np.clip(self.median + sign * REACH * self.deviation, 0, 255) for sign in (-1, 1))
        high[0] = 255
        return np.asarray(cv2.inRange(to_lab(pixels), np.ceil(low), np.floor(high)), np.uint8)


def measure_tone(pixels: Pixels, sure: Mask) -> Tone | None:
    """Return the tone of the lighter half of what lies within sure light marks (H,W); None of too few pixels."""
    rows, columns = np.divmod(np.flatnonzero(cv2.erode(sure, SQUARE)), sure.shape[1])
    if len(rows) < LEAST:
        return None
    colours = to_lab(pixels[rows, columns][None])[0].astype(np.float64)
    colours = colours[np.argsort(-colours[:, 0], kind="stable")[: max(LEAST // 2, len(colours) // 2)]]
    median = np.median(colours, axis=0)
    return Tone(median, np.maximum(1.4826 * np.median(np.abs(colours - median), axis=0), DEVIATION))


def grow_to_tone(scan: MarkedScan, marked: Mask, tone: Tone, doubted: int = DOUBTED) -> Mask:
    """Return what is marked, grown to connected pixels of a tone that are doubted.

    Args:
        scan: with its probabilities.
        marked: (H,W), 255 in light marks.
        tone: of sure light marks.
        doubted: probability in 1/255 below which nothing is grown to.
    """
    if not marked.any():
        return marked
    alike = select_doubted(scan, tone, doubted) | marked
    whole = connected_components(alike)
    del alike  # a plane of the scan's size
    return whole.paint(np.where(whole.sums(marked) > 0, np.uint8(255), np.uint8(0)))


def drop_soft_regions(scan: MarkedScan, marked: Mask, tone: Tone, rim: float) -> Mask:
    """Return what is marked (H,W), without large regions of a tone whose rim is soft; sure pixels stay.

    Args:
        scan: with its probabilities.
        marked: (H,W), 255 in light marks.
        tone: of sure light marks.
        rim: gradient in grey levels a pixel that the rim of a region has at least.
    """
    alike = cv2.bitwise_and(select_doubted(scan, tone, DOUBTED), marked)
    square = np.ones((2 * round(BREADTH * scan.unit / 2) + 1,) * 2, np.uint8)
    broad = np.asarray(cv2.morphologyEx(alike, cv2.MORPH_OPEN, square), np.uint8)
    regions = connected_components(broad)
    large = regions.areas >= LARGE * scan.unit**2
    if not large.any():
        return marked
    soft = large & (scan.rims_of(broad, regions) < rim)
    dropped = cv2.dilate(regions.paint(np.where(soft, np.uint8(255), np.uint8(0))), square)
    cv2.bitwise_and(dropped, alike, dst=dropped)
    dropped[scan.probability >= SURE] = 0
    return np.asarray(cv2.subtract(marked, dropped), np.uint8)


def select_doubted(scan: MarkedScan, tone: Tone, least: int) -> Mask:
    """Return (H,W), 255 where the scan has a tone over 3 × 3 pixels of at least a probability in 1/255."""
    result = np.zeros_like(scan.probability)
    for top in range(0, len(result), ROWS):
        # Two more rows on either side, so that opening knows its neighbours.
        first, last = max(0, top - 2), min(len(result), top + ROWS + 2)
        doubted = scan.probability[first:last] >= least
        if doubted.any():
            found = np.where(doubted, tone.select(scan.pixels[first:last]), np.uint8(0))
            opened = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, SQUARE), np.uint8)
            result[top : top + ROWS] = opened[top - first : top - first + ROWS]
    return result


def to_lab(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the pixels in CIELAB of 8 bits."""
    eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    if eight.ndim == 2 or eight.shape[2] < 3:
        grey = eight if eight.ndim == 2 else eight[:, :, 0]
        colour = cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2RGB)
    else:
        colour = np.ascontiguousarray(eight[:, :, :3])
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2LAB), np.uint8)
