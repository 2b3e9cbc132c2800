"""From chances to the two levels: what is repaired unseen, and what is shown to a reviewer."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.connected import connected
from pipeline.damage.piece_judge import WIDTH, PieceJudge, piece_figures
from pipeline.damage.sizes import unit_of
from pipeline.damage.types import Mask

Chances = NDArray[np.uint8]

#: From which width on, in pixels at 512 px of side, a piece is wide and must be surer to be repaired unseen: a white
#: bow or sleeve looks like flaked emulsion, and what fills so wide a hole is a guess.
WIDE = 20.0
#: A chance that next to no piece reaches.
NEVER = 0.999
#: Pixels, at 512 px of side, below which a piece is a speck: texture has hundreds of doubtful ones.
SPECK = 16.0


@dataclass(frozen=True)
class Thresholds:
    """Chances from which pixels and pieces count, from calibration on held-out pictures.

    Attributes:
        repair: a piece is repaired when its chance reaches this: the judge's, or that of its surest pixel.
        repair_wide: the same for wide pieces, where there is a judge; next to never when left out.
        repair_grow: pieces reach as far as pixels have this chance.
        suggest, suggest_grow: the same for suggestions; there the surest pixel counts.
        smallest: fewest pixels of a piece that is repaired.
        judge: tells a piece's chance; None goes by its surest pixel.
        suggest_speck: what the surest pixel of a speck must reach to be suggested, see `SPECK`.
    """

    repair: float = 0.97
    repair_grow: float = 0.8
    suggest: float = 0.7
    suggest_grow: float = 0.4
    smallest: int = 1
    judge: PieceJudge | None = None
    repair_wide: float = NEVER
    suggest_speck: float = 0.0

    def as_json(self) -> str:
        """Returns everything as one JSON object, for the header of a weights file."""
        return json.dumps({**self.numbers(), "judge": self.judge.as_document() if self.judge else None})

    def numbers(self) -> dict[str, float]:
        """Returns the thresholds by name, without the judge."""
        return {name: value for name, value in vars(self).items() if name != "judge"}

    @classmethod
    def from_json(cls, text: str) -> Thresholds:
        """Returns what a header holds. Raises `ValueError` or `TypeError` when it holds something else."""
        document = json.loads(text)
        judge = document.pop("judge", None)
        return cls(**document, judge=PieceJudge.from_document(judge) if judge else None)


def levels(chance: Chances, limits: Thresholds, sensitivity: float = 1.0) -> tuple[Mask, Mask]:
    """Returns what to repair and what to suggest, (H,W) each.

    To repair: 0, or the chance of the piece that the pixel belongs to, in 1/255. To suggest: 0 and 255; it contains
    everything to repair.

    Args:
        chance: (H,W) uint8 in 1/255.
        limits: from calibration.
        sensitivity: 2 accepts at half the odds.
    """
    seed, wide, grow = (move(value, sensitivity) for value in (limits.repair, limits.repair_wide, limits.repair_grow))
    repair = pieces_above(chance, seed, grow, limits.smallest, limits.judge, wide)
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


def pieces_above(
    chance: Chances, seed: int, grow: int, smallest: int = 1, judge: PieceJudge | None = None, wide: int = 255,
    speck: int = 0,
) -> NDArray[np.uint8]:  # fmt: skip
    """Returns (H,W) the connected pieces above `grow` whose chance reaches `seed`: their chance in 1/255, elsewhere 0.

    Where there is a judge, a wide piece's chance must reach `wide`. That of a speck must reach `speck`.

    Without a judge a piece is as likely as its surest pixel: a crack is followed to its faint ends, and what is faint
    all along is left (hysteresis, as in Canny's edge detector).
    """
    pieces = connected(chance, grow if judge else min(grow, seed))
    if judge is None:
        scores = pieces.highest(chance)
    else:
        figures = piece_figures(chance, pieces)
        scores = np.round(255 * judge.chances(figures)).astype(np.uint8)
        scores[(figures[:, WIDTH] > np.log(WIDE)) & (scores < wide)] = 0
    scores[(scores < seed) | (pieces.areas < smallest)] = 0
    scores[(scores < speck) & (pieces.areas < SPECK * unit_of(chance) ** 2)] = 0
    return pieces.painted(scores)
