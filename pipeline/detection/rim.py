"""Add a rim to detected marks, where the soft edge of a mark is still to be seen.

A mark's edge is blended into the picture over a pixel or two, and what is left of it shows as a pale outline around the
repair. Where the detection already reaches beyond the edge, a rim would only paint over what is intact.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.luminance import luminance
from pipeline.imaging.types import Mask, Pixels

#: Pixels around a place whose mean and deviation are its surroundings.
REACH = 12
#: A pixel is still part of a mark when it differs from its surroundings by so many grey levels, and besides by so many
#: of their standard deviations: on a smooth sky less is seen than on foliage. Chosen on labelled scans and foreign
#: damage: recall is the same from 4 levels and 2 deviations up to 8 and 4, of which the last are .01 more precise.
LEVELS, DEVIATIONS = 6.0, 3.0
#: Rows at a time, so that memory does not grow with the scan.
ROWS = 32


def add_rims(repair: Mask, suggest: Mask, pixels: Pixels, width: int) -> tuple[Mask, Mask]:
    """Return two masks with rims of up to `width` pixels, as far as these differ from what surrounds the marks.

    Args:
        repair, suggest: (H,W) uint8, 255 = damaged; the second holds the first.
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        width: pixels; 0 adds nothing.
    """
    if width <= 0 or not suggest.any():
        return repair, suggest
    result = repair.copy(), suggest.copy()
    margin = REACH + width
    for top in range(0, len(suggest), ROWS):
        rows = slice(top, min(top + ROWS, len(suggest)))
        around = slice(max(0, top - margin), rows.stop + margin)
        columns = np.flatnonzero(suggest[around].any(axis=0))
        if not len(columns):
            continue
        across = slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin)
        wide = dilate_mask(suggest[around, across], width)
        seen = _differs(luminance(pixels[around, across]), wide)
        inner = slice(top - around.start, rows.stop - around.start)
        for mask, rim in zip(result, (dilate_mask(repair[around, across], width), wide), strict=True):
            mask[rows, across] |= np.where(seen[inner], rim[inner], np.uint8(0))
    return result


def _differs(grey: NDArray[np.uint8], marked: Mask) -> NDArray[np.bool_]:
    """Return where a strip of a scan (H,W) differs from the unmarked pixels around."""
    free = (marked == 0).astype(np.float32)
    values = grey.astype(np.float32)
    side = 2 * REACH + 1
    # From the middle of the scale, so that squares lose no digits.
    count, total, squares = (
        cv2.boxFilter(plane, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for plane in (free, (values - 128) * free, np.square(values - 128) * free)
    )
    known = count > 0
    mean = np.divide(total, count, out=np.zeros_like(total), where=known)
    variance = np.divide(squares, count, out=np.zeros_like(squares), where=known) - np.square(mean)
    limit = LEVELS + DEVIATIONS * np.sqrt(np.maximum(variance, 0))
    # Amid damage there are no surroundings to compare with: the whole rim is taken.
    return np.asarray(~known | (np.abs(values - 128 - mean) > limit))


def dilate_mask(mask: Mask, pixels: int) -> Mask:
    """Return the mask dilated by `pixels` in every direction."""
    if pixels <= 0 or not mask.any():
        return mask
    side = 2 * pixels + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).astype(np.uint8, copy=False)
