"""Measure a repair's fine detail relative to the original or to its surroundings."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.errors import check
from pipeline.metrics.tiles import damaged_tiles

REACH = 12
"""Pixels around the mask that a fill is compared with when the original is not known."""


def sharpness(after: NDArray[Any], mask: NDArray[Any], *, original: NDArray[Any] | None = None) -> float:
    r"""Return the fine detail and grain inside the mask as a share of what it should be; 1 is right, 0 is flat.

    .. math:: \frac{\text{mean}_{hole} |\nabla^2 \text{after}|}{\text{mean}_{hole} |\nabla^2 \text{original}|}

    with the discrete Laplacian of four neighbours, over pixels whose neighbours lie in the mask too (the rim is the
    seam's business). Without an original the denominator is the mean over intact pixels within 12 of the mask whose
    neighbours are intact too: then the value only shows whether a fill is as rough as its surroundings. PSNR rewards
    blur; this is its counterpart. ``nan`` where nothing can be compared, as with scratches of one or two pixels.

    Args:
        after: (H,W) or (H,W,C), the restoration.
        mask: (H,W), not 0 where filled.
        original: of the shape of ``after``, where it is known.

    Raises:
        ValueError: shapes do not fit.
    """
    check(after, after if original is None else original, mask)
    sums, counts = np.zeros(2), np.zeros(2)
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for tile, seen in damaged_tiles(mask, REACH + 1):
        hole = (mask[seen.slices] != 0).astype(np.uint8)
        own = tile.within(seen)
        inside = cv2.erode(hole, cross, borderType=cv2.BORDER_REPLICATE)[own] > 0
        detail = _detail(after[seen.slices])[own]
        if original is None:
            compared = detail
            around = ((cv2.dilate(hole, kernel) > 0) & (cv2.dilate(hole, cross) == 0))[own]
        else:
            compared, around = _detail(original[seen.slices])[own], inside
        for kind, (values, where) in enumerate(((detail, inside), (compared, around))):
            sums[kind] += float(values[where].sum())
            counts[kind] += int(np.count_nonzero(where))
    if not counts.all() or sums[1] == 0:
        return math.nan
    return float(sums[0] / counts[0] / (sums[1] / counts[1]))


def _detail(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Laplacian's size (H,W), averaged over channels."""
    curved = np.abs(cv2.Laplacian(pixels.astype(np.float64), cv2.CV_64F, borderType=cv2.BORDER_REFLECT))
    return np.asarray(curved.mean(axis=2) if curved.ndim == 3 else curved, np.float64)
