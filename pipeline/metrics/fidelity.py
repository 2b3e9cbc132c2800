"""Count what a restoration changed inside and outside its mask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.mapped import release
from pipeline.metrics.errors import STRIP_PIXELS, check


@dataclass(frozen=True)
class Fidelity:
    """Changed pixels.

    Attributes:
        changed_share: pixels of which any channel changed, as a share of all pixels.
        outside_changed: changed pixels outside the mask.
        outside_identical: there are none, bit by bit, every channel compared.
    """

    changed_share: float
    outside_changed: int

    @property
    def outside_identical(self) -> bool:
        """Return whether every pixel outside the mask is bit-identical."""
        return self.outside_changed == 0


def fidelity(before: NDArray[Any], after: NDArray[Any], mask: NDArray[Any]) -> Fidelity:
    r"""Return what changed between a scan and its restoration, by comparing every pixel of both.

    .. math:: \text{changed\_share} = \frac{|\{p: \text{before}_p \ne \text{after}_p\}|}{HW}

    A pixel has changed when any bit of any of its channels has.

    Args:
        before: (H,W) or (H,W,C), at native depth; not a number equals itself.
        after: of the same shape and dtype.
        mask: (H,W), not 0 where change is allowed.

    Raises:
        ValueError: shapes or dtypes do not fit.
    """
    check(before, after, mask)
    if before.dtype != after.dtype:
        raise ValueError(f"depths differ: {before.dtype} before, {after.dtype} after")
    changed, outside = 0, 0
    strip = max(1, STRIP_PIXELS // max(1, before.shape[1]))
    word = np.dtype(f"u{before.dtype.itemsize}")
    for top in range(0, before.shape[0], strip):
        rows = slice(top, top + strip)
        # As words, so that "equal" means the same bits.
        left, right = (np.ascontiguousarray(part[rows]).view(word) for part in (before, after))
        inside = mask[rows] != 0
        differs = left != right
        if differs.ndim == 3:
            # NumPy's `any` over a short last axis takes ten times as long.
            differs = reduce(np.logical_or, np.moveaxis(differs, 2, 0))
        changed += int(np.count_nonzero(differs))
        outside += int(np.count_nonzero(differs & ~inside))
        release(before)
        release(after)
    return Fidelity(changed / max(1, mask.size), outside)
