"""From chances to the two levels: what is repaired unseen, and what is shown to a reviewer."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.connected import Connected, connected
from pipeline.damage.sizes import unit_of
from pipeline.damage.types import Mask

Chances = NDArray[np.uint8]

#: Pixels, at 512 px of side, below which a piece is a speck: texture has hundreds of doubtful ones.
SPECK = 16.0


@dataclass(frozen=True)
class Thresholds:
    """Chances from which pixels and pieces count, from calibration on held-out pictures.

    Attributes:
        repair: a piece is repaired when the chance of its surest pixel reaches this.
        repair_grow: pieces reach as far as pixels have this chance.
        suggest, suggest_grow: the same for suggestions.
        smallest: fewest pixels of a piece that is repaired.
        suggest_speck: what the surest pixel of a speck must reach to be suggested, see `SPECK`.
    """

    repair: float = 0.97
    repair_grow: float = 0.8
    suggest: float = 0.7
    suggest_grow: float = 0.4
    smallest: int = 1
    suggest_speck: float = 0.0

    def as_json(self) -> str:
        """Returns everything as one JSON object, for the header of a weights file."""
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> Thresholds:
        """Returns what a header holds. Raises `ValueError` or `TypeError` when it holds something else.

        Older headers also name a judge over pieces, and a threshold for wide ones that nothing but a judge asked for.
        """
        document = json.loads(text)
        if document.pop("judge", None) is not None:
            raise ValueError("the thresholds go with a judge over pieces, and there is none any more")
        document.pop("repair_wide", None)
        return cls(**document)


def levels(chance: Chances, limits: Thresholds, sensitivity: float = 1.0) -> tuple[Mask, Mask]:
    """Returns what to repair and what to suggest, (H,W) each.

    To repair: 0, or the chance of the piece that the pixel belongs to, in 1/255. To suggest: 0 and 255; it contains
    everything to repair.

    Args:
        chance: (H,W) uint8 in 1/255.
        limits: from calibration.
        sensitivity: 2 accepts at half the odds.
    """
    seed, grow = (move(value, sensitivity) for value in (limits.repair, limits.repair_grow))
    repair = pieces_above(chance, seed, grow, limits.smallest)
    seed, speck, grow = (
        move(value, sensitivity) for value in (limits.suggest, limits.suggest_speck, limits.suggest_grow)
    )
    suggest = pieces_above(chance, seed, grow, speck=speck)
    suggest[suggest > 0] = 255
    suggest[repair > 0] = 255
    return repair, suggest


def move(chance: float, sensitivity: float) -> int:
    """Returns a threshold in 1/255, moved on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = chance / (1 - chance) / sensitivity
    return min(255, max(1, round(255 * odds / (1 + odds))))


def pieces_above(chance: Chances, seed: int, grow: int, smallest: int = 1, speck: int = 0) -> NDArray[np.uint8]:
    """Returns (H,W) the connected pieces above `grow` whose chance reaches `seed`: their chance in 1/255, elsewhere 0.

    That of a speck must also reach `speck`. A piece is as likely as its surest pixel: a crack is followed to its faint
    ends, and what is faint all along is left (hysteresis, as in Canny's edge detector).
    """
    pieces = connected(chance, min(grow, seed))
    scores = pieces.highest(chance)
    scores[(scores < seed) | (pieces.areas < smallest)] = 0
    scores[(scores < speck) & are_specks(pieces, chance)] = 0
    return pieces.painted(scores)


def are_specks(pieces: Connected, chance: Chances) -> NDArray[np.bool_]:
    """Returns (n) which pieces of a scan's chances (H,W) are specks, see `SPECK`."""
    result: NDArray[np.bool_] = pieces.areas < SPECK * unit_of(chance) ** 2
    return result
