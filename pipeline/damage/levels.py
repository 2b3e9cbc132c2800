"""From chances to the two levels: what is repaired unseen, and what is shown to a reviewer."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.connected import connected
from pipeline.damage.piece_judge import WIDTH, PieceJudge, piece_figures
from pipeline.damage.types import Mask

Chances = NDArray[np.uint8]

#: From which width on, in pixels at 512 px of side, a piece is wide and must be surer to be repaired unseen: a white
#: bow or sleeve looks like flaked emulsion, and what fills so wide a hole is a guess.
WIDE = 20.0
#: A chance that next to no piece reaches.
NEVER = 0.999
#: Which of the thresholds are judges.
JUDGES = ("judge", "suggest_judge")


@dataclass(frozen=True)
class Thresholds:
    """Chances from which pixels and pieces count, from calibration on held-out pictures.

    Attributes:
        repair: a piece is repaired when its chance reaches this: the judge's, or that of its surest pixel.
        repair_wide: the same for wide pieces, where there is a judge; next to never when left out.
        repair_grow: pieces reach as far as pixels have this chance.
        suggest, suggest_grow: the same for suggestions.
        smallest: fewest pixels of a piece that is repaired.
        judge: tells the chance of a piece to repair; None goes by its surest pixel.
        suggest_judge: the same for suggestions.
    """

    repair: float = 0.97
    repair_grow: float = 0.8
    suggest: float = 0.7
    suggest_grow: float = 0.4
    smallest: int = 1
    judge: PieceJudge | None = None
    repair_wide: float = NEVER
    suggest_judge: PieceJudge | None = None

    def as_json(self) -> str:
        """Returns everything as one JSON object, for the header of a weights file."""
        judges = {name: getattr(self, name) for name in JUDGES}
        told = {name: judge.as_document() if judge else None for name, judge in judges.items()}
        return json.dumps({**self.numbers(), **told})

    def numbers(self) -> dict[str, float]:
        """Returns the thresholds by name, without the judges."""
        return {name: value for name, value in vars(self).items() if name not in JUDGES}

    @classmethod
    def from_json(cls, text: str) -> Thresholds:
        """Returns what a header holds. Raises `ValueError` or `TypeError` when it holds something else."""
        document = json.loads(text)
        judges = {name: PieceJudge.from_document(document[name]) for name in JUDGES if document.get(name)}
        return cls(**{**document, **judges})


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
    seed, grow = (move(value, sensitivity) for value in (limits.suggest, limits.suggest_grow))
    suggest = pieces_above(chance, seed, grow, judge=limits.suggest_judge, wide=seed)
    suggest[suggest > 0] = 255
    suggest[repair > 0] = 255
    return repair, suggest


def move(chance: float, sensitivity: float) -> int:
    """Returns a threshold in 1/255, moved on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = chance / (1 - chance) / sensitivity
    return min(255, max(1, round(255 * odds / (1 + odds))))


def pieces_above(
    chance: Chances, seed: int, grow: int, smallest: int = 1, judge: PieceJudge | None = None, wide: int = 255
) -> NDArray[np.uint8]:
    """Returns (H,W) the connected pieces above `grow` whose chance reaches `seed`: their chance in 1/255, elsewhere 0.

    Where there is a judge, a wide piece's chance must reach `wide`.

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
    return pieces.painted(scores)
