"""Sum pixel errors in strips: a large scan is never held as floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIP_PIXELS = 1 << 20


def power_sum(
    a: NDArray[Any],
    b: NDArray[Any],
    power: int,
    mask: NDArray[Any] | None = None,
    differing: NDArray[Any] | None = None,
) -> tuple[float, int]:
    """Return the sum of |a - b|^power and the number of values summed.

    Args:
        a: (H,W) or (H,W,C), any numeric dtype.
        b: of the same shape.
        power: 1 or 2.
        mask: (H,W); only where it is not 0 is counted. ``None`` counts everything.
        differing: (H,W); not 0 wherever a and b may differ. Elsewhere the error is known to be 0 and not computed.

    Raises:
        ValueError: shapes do not fit.
    """
    check(a, b, mask, differing)
    channels = a.shape[2] if a.ndim == 3 else 1
    strip = max(1, STRIP_PIXELS // max(1, a.shape[1]))
    total, count = 0.0, 0 if mask is not None else a.shape[0] * a.shape[1]
    for top in range(0, a.shape[0], strip):
        rows = slice(top, top + strip)
        where: NDArray[np.bool_] | None = None
        if mask is not None:
            where = mask[rows] != 0
            count += int(np.count_nonzero(where))
        if differing is not None:
            changed = differing[rows] != 0
            where = changed if where is None else where & changed
        if where is not None and not where.any():
            continue
        left, right = (a[rows], b[rows]) if where is None else (a[rows][where], b[rows][where])
        error = np.abs(left.astype(np.float64) - right.astype(np.float64))
        total += float(error.sum() if power == 1 else np.square(error, out=error).sum())
    return total, count * channels


def check(a: NDArray[Any], b: NDArray[Any], *masks: NDArray[Any] | None) -> None:
    """Raise ``ValueError`` unless two pictures are alike in shape and the masks fit them."""
    if a.shape != b.shape or a.ndim not in (2, 3):
        raise ValueError(f"pictures must be (H,W) or (H,W,C) and alike, got {a.shape} and {b.shape}")
    for mask in masks:
        if mask is not None and mask.shape != a.shape[:2]:
            raise ValueError(f"a mask of {mask.shape} does not fit a picture of {a.shape[:2]}")
