"""Find stains of rust on a print without colours: where it is redder than elsewhere at the same lightness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.tone_growth import to_lab
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Mask, Pixels

#: Half the range of lightness whose colours are taken together, and the fewest pixels of it.
ALIKE, FEWEST = 8, 200
#: By how much the colours of half, and of three quarters, of a print without colours differ at most from the usual one
#: of their lightness, in CIELAB of 8 bits. Photographs in colour reach more, though not all of them.
USUAL = (8.0, 12.0)
#: A stain is redder by so much, yellow counting half; at least so many units wide, and so many square units large.
REDDER, WIDTH, SMALLEST = 30.0, 3, 40


def find_stains(pixels: Pixels) -> Mask | None:
    """Return (H,W), 255 where a print without colours is stained; None where nothing is, or where it has colours.

    A few coloured things in a photograph look the same: only of prints that are damaged otherwise is the answer of use.

    Args:
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
    """
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        return None
    step = int(unit_of(pixels[:, :, 0]))
    size = tuple(max(1, side // step) for side in pixels.shape[1::-1])
    eight = pixels[:, :, :3] if pixels.dtype == np.uint8 else (pixels[:, :, :3] >> 8).astype(np.uint8)
    lab = to_lab(np.asarray(cv2.resize(eight, size, interpolation=cv2.INTER_AREA), np.uint8))
    colours = np.asarray(cv2.GaussianBlur(lab[:, :, 1:].astype(np.float32), (0, 0), 1.0), np.float32)
    usual = _usual_colours(lab[:, :, 0], colours)
    if usual is None:
        return None
    difference = colours - usual[lab[:, :, 0]]
    half, most = np.percentile(np.hypot(difference[:, :, 0], difference[:, :, 1]), (50, 75))
    if half > USUAL[0] or most > USUAL[1]:
        return None
    redder = (difference[:, :, 0] + difference[:, :, 1] / 2 > REDDER).astype(np.uint8)
    redder = np.asarray(cv2.morphologyEx(redder, cv2.MORPH_OPEN, np.ones((WIDTH, WIDTH), np.uint8)), np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(redder, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= SMALLEST
    large[0] = False
    if not large.any():
        return None
    found = np.where(large[labels], np.uint8(255), np.uint8(0))
    return np.asarray(cv2.resize(found, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def _usual_colours(lightness: NDArray[np.uint8], colours: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return (256,2) the median colour at each lightness, between those that are frequent; None without any.

    Args:
        lightness: (h,w).
        colours: (h,w,2), the two colours of CIELAB.
    """
    order = np.argsort(lightness, axis=None, kind="stable")
    ends = np.cumsum(np.bincount(lightness.ravel(), minlength=256))
    by_lightness = colours.reshape(-1, 2)[order]
    known, medians = [], []
    for value in range(256):
        first = int(ends[value - ALIKE - 1]) if value > ALIKE else 0
        alike = by_lightness[first : int(ends[min(255, value + ALIKE)])]
        if len(alike) >= FEWEST:
            known.append(value)
            medians.append(np.median(alike, axis=0))
    if not known:
        return None
    between = [np.interp(np.arange(256), known, column) for column in np.transpose(medians)]
    return np.stack(between, axis=1).astype(np.float32)
