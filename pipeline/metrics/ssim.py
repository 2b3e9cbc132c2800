"""Structural similarity."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.errors import check

SIGMA = 1.5
RADIUS = 5
"""Radius of the Gaussian window, 11 pixels wide; the mean leaves out a border of it, as Wang's own code does."""

TILE = 512


def ssim(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    data_range: float,
    mask: NDArray[Any] | None = None,
    differing: NDArray[Any] | None = None,
) -> float:
    r"""Return the mean structural similarity, at most 1; ``nan`` where nothing can be measured.

    .. math:: \text{SSIM} = \frac{(2 \mu_a \mu_b + c_1)(2 \sigma_{ab} + c_2)}
        {(\mu_a^2 + \mu_b^2 + c_1)(\sigma_a^2 + \sigma_b^2 + c_2)}

    as in Wang et al. 2004: Gaussian window of sigma 1.5, 11 pixels wide, population covariances, c1 = (0.01 range)^2,
    c2 = (0.03 range)^2. It is computed per channel and averaged over the channels and over all pixels whose window
    lies within the picture. The same as scikit-image's with ``gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False``.

    Args:
        a: (H,W) or (H,W,C), any numeric dtype; H and W at least 11, else the result is ``nan``.
        b: of the same shape.
        data_range: 1.0, 255 or 65535: the difference between white and black.
        mask: (H,W); the mean is over those pixels only (hole-only SSIM). Their windows see what lies around the hole.
        differing: (H,W), not 0 wherever a and b may differ. SSIM is 1 where no window reaches those pixels, so only
            their surroundings are computed; the result is exactly that of the whole pictures.

    Raises:
        ValueError: shapes do not fit.
    """
    check(a, b, mask, differing)
    height, width = a.shape[:2]
    if min(height, width) <= 2 * RADIUS:
        return math.nan
    total, count = 0.0, 0
    for top in range(RADIUS, height - RADIUS, TILE):
        for left in range(RADIUS, width - RADIUS, TILE):
            bottom, right = min(top + TILE, height - RADIUS), min(left + TILE, width - RADIUS)
            tile = np.s_[top:bottom, left:right]
            seen = np.s_[top - RADIUS : bottom + RADIUS, left - RADIUS : right + RADIUS]
            where = mask[tile] != 0 if mask is not None else None
            pixels = (bottom - top) * (right - left) if where is None else int(np.count_nonzero(where))
            count += pixels
            if pixels == 0:
                continue
            if differing is not None:
                box = _box(differing[seen] != 0)
                if box is None:
                    total += pixels
                    continue
                total += pixels - _sum_of_ones(where, box)
                tile = np.s_[top + box[0] : top + box[1], left + box[2] : left + box[3]]
                seen = np.s_[
                    top + box[0] - RADIUS : top + box[1] + RADIUS, left + box[2] - RADIUS : left + box[3] + RADIUS
                ]
                where = None if where is None else where[box[0] : box[1], box[2] : box[3]]
            similar = _map(a[seen], b[seen], data_range)
            total += float(similar.sum() if where is None else similar[where].sum())
    return math.nan if count == 0 else total / count


def _box(differing: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left, right (in pixels of the tile) of what windows that see a difference belong to."""
    rows, columns = np.flatnonzero(differing.any(axis=1)), np.flatnonzero(differing.any(axis=0))
    if rows.size == 0:
        return None
    # The array is the tile grown by the radius, so an index in it is the first window's in the tile.
    height, width = differing.shape[0] - 2 * RADIUS, differing.shape[1] - 2 * RADIUS
    top, bottom = max(0, int(rows[0]) - 2 * RADIUS), min(height, int(rows[-1]) + 1)
    left, right = max(0, int(columns[0]) - 2 * RADIUS), min(width, int(columns[-1]) + 1)
    return top, bottom, left, right


def _sum_of_ones(where: NDArray[np.bool_] | None, box: tuple[int, int, int, int]) -> int:
    """Return how many of the measured pixels lie in the box."""
    top, bottom, left, right = box
    return (bottom - top) * (right - left) if where is None else int(np.count_nonzero(where[top:bottom, left:right]))


def _map(a: NDArray[Any], b: NDArray[Any], data_range: float) -> NDArray[np.float64]:
    """Return the similarity (h-10,w-10), averaged over channels, of pixels whose windows lie within."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    kernel = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    kernel /= kernel.sum()

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred[RADIUS:-RADIUS, RADIUS:-RADIUS], np.float64)

    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x * mean_x, mean(y * y) - mean_y * mean_y
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similar = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2)
    )
    return np.asarray(similar.mean(axis=2) if similar.ndim == 3 else similar, np.float64)
