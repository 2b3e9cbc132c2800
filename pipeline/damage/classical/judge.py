"""The judgement over each piece: damage to repair, damage to suggest, or part of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.classical.pieces import Pieces

REPAIR, SUGGEST, LEAVE = 2, 1, 0


def judge(pieces: Pieces, unit: float, sensitivity: float) -> NDArray[np.int8]:
    """Returns the verdict over each piece: `REPAIR`, `SUGGEST` or `LEAVE`."""
    thin = pieces.width <= 7 * unit
    small = pieces.area <= 900 * unit**2
    line = (pieces.length > 6 * pieces.width) & (pieces.length > 14 * unit)
    sane = thin & (small | line)
    suggest = sane & (pieces.contrast >= 16 / sensitivity) & (pieces.crowd < 0.08) & (pieces.extreme < 0.25)
    calm = (pieces.busy < 4.5 * sensitivity) & (pieces.crowd < 0.03)
    stands = (pieces.contrast >= 34 / sensitivity) & (pieces.peak > 1.6 / sensitivity)
    outside = pieces.extreme < 0.002 * sensitivity
    enough = pieces.area >= 4
    repair = suggest & calm & stands & outside & enough
    return np.where(repair, REPAIR, np.where(suggest, SUGGEST, LEAVE)).astype(np.int8)


def describe(pieces: Pieces, index: int, unit: float) -> tuple[str, str]:
    """Returns the kind of a piece and why it is taken for damage, in one plain sentence."""
    width, length = float(pieces.width[index]), float(pieces.length[index])
    straight = float(pieces.straight[index])
    if length > 6 * width and length > 14 * unit:
        kind = "scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"
        shape = f"line {length:.0f} px long and {width:.0f} px wide"
    else:
        kind = "dust" if width <= 5 * unit else "loss"
        shape = f"spot {width:.0f} px wide"
    side = "brighter" if pieces.bright else "darker"
    share = float(pieces.extreme[index])
    where = (
        f"{side} than all but {share:.1%} of the picture" if share >= 0.0005 else f"{side} than the picture's own tones"
    )
    reason = f"a {shape}, {pieces.contrast[index]:.0f} grey levels {side} than its surroundings and {where}"
    return kind, reason
