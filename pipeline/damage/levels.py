"""From chances to the two levels: what is repaired unseen, and what is shown to a reviewer."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.types import Mask

Chances = NDArray[np.uint8]


@dataclass(frozen=True)
class Thresholds:
    """Chances from which pixels count, from calibration on held-out pictures.

    Attributes:
        repair: a piece is repaired when a pixel of it reaches this.
        repair_grow: and reaches as far as this holds.
        suggest, suggest_grow: the same for suggestions.
        smallest: fewest pixels of a piece that is repaired.
    """

    repair: float = 0.97
    repair_grow: float = 0.8
    suggest: float = 0.7
    suggest_grow: float = 0.4
    smallest: int = 1


def levels(chance: Chances, limits: Thresholds, sensitivity: float = 1.0) -> tuple[Mask, Mask]:
    """Returns the masks (H,W) of 0 and 255 to repair and to suggest; the second contains the first.

    Args:
        chance: (H,W) uint8 in 1/255.
        limits: from calibration.
        sensitivity: 2 accepts at half the odds.
    """
    repair = pieces_above(
        chance, move(limits.repair, sensitivity), move(limits.repair_grow, sensitivity), limits.smallest
    )
    suggest = pieces_above(chance, move(limits.suggest, sensitivity), move(limits.suggest_grow, sensitivity))
    return repair, suggest | repair


def move(chance: float, sensitivity: float) -> int:
    """Returns a threshold in 1/255, moved on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = chance / (1 - chance) / sensitivity
    return min(255, max(1, round(255 * odds / (1 + odds))))


def pieces_above(chance: Chances, seed: int, grow: int, smallest: int = 1) -> Mask:
    """Returns the connected pieces above `grow` that reach `seed` somewhere and have `smallest` pixels, as 0 and 255.

    Two thresholds follow a crack to its faint ends without taking up what is faint all along (hysteresis, as in
    Canny's edge detector).
    """
    if not (chance >= seed).any():
        return np.zeros(chance.shape, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (chance >= min(grow, seed)).astype(np.uint8), connectivity=8
    )
    reached = np.zeros(count, np.uint8)
    reached[np.unique(labels[chance >= seed])] = 255
    reached[stats[:, cv2.CC_STAT_AREA] < smallest] = 0
    reached[0] = 0
    return np.asarray(reached[labels], np.uint8)
