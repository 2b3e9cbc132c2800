"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from pipeline.metrics.errors import power_sum


def psnr(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    data_range: float,
    mask: NDArray[Any] | None = None,
    differing: NDArray[Any] | None = None,
) -> float:
    r"""Return the peak signal-to-noise ratio in dB; ``inf`` for equal pictures, ``nan`` for an empty mask.

    .. math:: \text{PSNR} = 10 \log_{10} \frac{\text{data\_range}^2}{\text{MSE}(a, b)}

    The mean is over pixels and channels together. Of a composite, whose pixels outside a hole of ratio r are the
    original's, the whole-image PSNR is the hole's plus 10 log10(1/r): a hole of 1 % adds 20 dB. Give both.

    Args:
        a: (H,W) or (H,W,C), any numeric dtype.
        b: of the same shape.
        data_range: 1.0, 255 or 65535: the difference between white and black.
        mask: (H,W); only where it is not 0 is measured (hole-only PSNR).
        differing: (H,W), not 0 wherever a and b may differ; the rest is known to be equal and not read. The result is
            exactly that of the whole pictures.

    Raises:
        ValueError: shapes do not fit.

    Example:
        >>> import numpy as np
        >>> psnr(np.zeros((4, 4)), np.full((4, 4), 0.1), data_range=1.0)
        20.0
    """
    total, count = power_sum(a, b, 2, mask, differing)
    if count == 0:
        return math.nan
    return math.inf if total == 0 else 10 * math.log10(data_range**2 * count / total)
