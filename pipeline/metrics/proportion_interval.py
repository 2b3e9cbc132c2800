"""The 95 % interval of a share that was counted in a random sample."""

from __future__ import annotations

import math

# The 97.5 % quantile of the standard normal distribution.
Z = 1.959963984540054


def proportion_interval(hits: int, total: int) -> tuple[float, float]:
    r"""Return the Wilson score interval (low, high) in 0..1, of 95 % confidence; 0 and 1 where nothing was counted.

    .. math:: \frac{p + z^2/2n \pm z \sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}

    Unlike p ± z·sqrt(p(1-p)/n) it says something where no hit was found, and is right for few observations.

    Args:
        hits: how many had the property.
        total: how many were looked at.

    Raises:
        ValueError: more hits than observations, or fewer than none.

    References:
        E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212.
        L. D. Brown, T. T. Cai, A. DasGupta, Interval estimation for a binomial proportion, Statistical Science 16
        (2001) 101-133, who recommend it for small samples.

    Example:
        >>> [round(one, 3) for one in proportion_interval(1, 20)]
        [0.009, 0.236]
    """
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} is no share")
    if total == 0:
        return 0.0, 1.0
    share, square = hits / total, Z * Z / total
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return (max(0.0, middle - half) if hits else 0.0), (min(1.0, middle + half) if hits < total else 1.0)
