"""Mean absolute error."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from pipeline.metrics.errors import power_sum


def l1(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    data_range: float,
    mask: NDArray[Any] | None = None,
    differing: NDArray[Any] | None = None,
) -> float:
    r"""Return the mean absolute error as a share of the range, 0 to 1; ``nan`` for an empty mask.

    .. math:: \text{L1} = \frac{1}{\text{data\_range}} \text{mean} |a - b|

    Args:
        a: (H,W) or (H,W,C), any numeric dtype.
        b: of the same shape.
        data_range: 1.0, 255 or 65535: the difference between white and black.
        mask: (H,W); only where it is not 0 is measured (hole-only L1).
        differing: (H,W), not 0 wherever a and b may differ; the rest is known to be equal and not read.

    Raises:
        ValueError: shapes do not fit.

    Example:
        >>> import numpy as np
        >>> l1(np.zeros((4, 4)), np.full((4, 4), 51.0), data_range=255)
        0.2
    """
    total, count = power_sum(a, b, 1, mask, differing)
    return math.nan if count == 0 else total / count / data_range
