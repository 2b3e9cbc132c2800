"""Measure whether the rim of a repair is visible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.errors import check
from pipeline.metrics.tiles import damaged_tiles

REACH = 8
"""Pixels around the mask whose own jumps the rim is compared with."""

FLOOR = 0.5
"""Grey levels below which a jump cannot be seen, whatever the surroundings."""


@dataclass(frozen=True)
class Seam:
    """Mean absolute jumps between neighbouring pixels, in grey levels of 8 bits.

    Attributes:
        rim: between a filled pixel and the intact one next to it.
        inside: between two filled pixels.
        around: between two intact pixels within 8 pixels of the mask.
    """

    rim: float
    inside: float
    around: float

    @property
    def score(self) -> float:
        r"""Return the rim's jumps over those of its intact surroundings: a rim of 1 is invisible, one of 2 shows.

        .. math:: \text{score} = \frac{\max(\text{rim}, 0.5)}{\max(\text{around}, 0.5)}

        Jumps under half a grey level count as half a grey level. ``nan`` where the mask has no rim.
        """
        return max(self.rim, FLOOR) / max(self.around, FLOOR) if math.isfinite(self.rim) else math.nan


def seam(before: NDArray[Any], after: NDArray[Any], mask: NDArray[Any], *, data_range: float) -> Seam:
    r"""Return how much brightness jumps across the rim of a mask, inside it and around it.

    .. math:: \text{jump}(p, q) = \frac{255}{\text{data\_range}} \text{mean}_{channels} |x_p - x_q|

    averaged over all pairs of horizontal and vertical neighbours p, q of each kind (see :class:`Seam`). Remains of
    damage outside the mask make the rim jump, and so does a fill of the wrong tone; a fill that is merely too smooth
    does not, see :func:`pipeline.metrics.sharpness` for that.

    Args:
        before: (H,W) or (H,W,C), the scan; read outside the mask.
        after: of the same shape, the restoration; read inside the mask.
        mask: (H,W), not 0 where filled.
        data_range: 1.0, 255 or 65535: the difference between white and black.

    Raises:
        ValueError: shapes do not fit.
    """
    check(before, after, mask)
    sums, counts = np.zeros(3), np.zeros(3)
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    for tile, seen in damaged_tiles(mask, REACH + 1):
        hole = mask[seen.slices] != 0
        planes = [
            np.where(hole, new, old).astype(np.float32)
            for new, old in zip(_planes(after[seen.slices]), _planes(before[seen.slices]), strict=True)
        ]
        grey_levels = 255 / data_range / len(planes)
        near = cv2.dilate(hole.astype(np.uint8), kernel) > 0
        own = np.zeros(hole.shape, bool)
        own[tile.within(seen)] = True
        for axis in (0, 1):
            # Of integers these sums are exact.
            jump = reduce(np.add, (np.abs(np.diff(plane, axis=axis)) for plane in planes))
            first, second = _pair(hole, axis)
            kinds = (first != second, first & second, ~first & ~second & np.logical_and(*_pair(near, axis)))
            counted = _pair(own, axis)[0]
            for kind, which in enumerate(kinds):
                chosen = which & counted
                sums[kind] += float(jump[chosen].sum(dtype=np.float64)) * grey_levels
                counts[kind] += int(np.count_nonzero(chosen))
    with np.errstate(invalid="ignore"):
        rim, inside, around = (float(value) for value in np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
    return Seam(rim, inside, around)


def _planes(pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the channels (H,W) of a picture."""
    return [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, 2, 0))


def _pair(values: NDArray[np.bool_], axis: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return each pixel and its successor along an axis."""
    return (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])
