"""From chances to the two levels: what is repaired unseen, and what is shown to a reviewer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Mask

Probabilities = NDArray[np.uint8]

#: Pixels, at 512 px of side, below which a piece is a speck: texture has hundreds of doubtful ones.
SPECK = 16.0
#: Share of a picture that suggestions may cover. A picture that is doubtful all over tells a reviewer nothing: there
#: they begin at a higher chance.
CROWD = 0.25
#: Rows counted at a time.
ROWS = 1024


@dataclass(frozen=True)
class RepairThreshold:
    """What a piece must reach to be repaired unseen, and what that is worth.

    Attributes:
        precision: share of the pixels repaired that shall be damage.
        chance: of each of its pixels.
        smallest: fewest pixels of the piece.
    """

    precision: float
    chance: float
    smallest: int


@dataclass(frozen=True)
class Thresholds:
    """Chances from which pixels and pieces count, from calibration on held-out pictures.

    Attributes:
        repairs: what is asked for each precision, the least first; never empty.
        suggest: chance from which pixels are suggested.
        suggest_speck: what the surest pixel of a speck must reach to be suggested, see `SPECK`.
    """

    repairs: tuple[RepairThreshold, ...] = (RepairThreshold(0.95, 0.9, 1),)
    suggest: float = 0.4
    suggest_speck: float = 0.0

    def of_precision(self, precision: float) -> RepairThreshold:
        """Return the least strict thresholds that were calibrated for so much precision, or else the strictest."""
        return next((one for one in self.repairs if one.precision >= precision - 1e-6), self.repairs[-1])

    def as_json(self) -> str:
        """Return everything as one JSON object, for the header of a weights file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Thresholds:
        """Return what a header holds. Raises `KeyError`, `ValueError` or `TypeError` when it holds something else."""
        document = json.loads(text)
        try:
            repairs = tuple(RepairThreshold(**one) for one in document.pop("repairs"))
        except TypeError as error:
            raise ValueError(
                "its thresholds are of other rules than this version's; `train detector --resume` calibrates it anew"
            ) from error
        if not repairs or list(repairs) != sorted(repairs, key=lambda one: one.precision):
            raise ValueError("thresholds of repairs must be named with rising precision")
        return cls(repairs, **document)


def apply_thresholds(
    chance: Probabilities, limits: Thresholds, *, precision: float = 0.95, sensitivity: float = 1.0
) -> tuple[Mask, Mask]:
    """Return what to repair and what to suggest, (H,W) each.

    To repair: 0, or the chance of the piece that the pixel belongs to, in 1/255. To suggest: 0 and 255; it contains
    everything to repair.

    Args:
        chance: (H,W) uint8 in 1/255.
        limits: from calibration.
        precision: share of what is repaired that shall be damage.
        sensitivity: 2 accepts at half the odds.
    """
    asked = limits.of_precision(precision)
    repair = components_above(chance, adjust_threshold(asked.chance, sensitivity), asked.smallest)
    cut = limit_coverage(chance, adjust_threshold(limits.suggest, sensitivity))
    suggest = components_above(chance, cut, speck=adjust_threshold(limits.suggest_speck, sensitivity))
    suggest[suggest > 0] = 255
    suggest[repair > 0] = 255
    return repair, suggest


def limit_coverage(chance: Probabilities, cut: int) -> int:
    """Return `cut`, or the lowest chance above it that no more than `CROWD` of the picture reaches; at most 255."""
    counts = [np.bincount(chance[top : top + ROWS].ravel(), minlength=256) for top in range(0, len(chance), ROWS)]
    reaching = np.cumsum(np.sum(counts, axis=0)[::-1])  # a chance of 255, of 254 and more, and so on
    return max(cut, min(255, int(np.count_nonzero(reaching > CROWD * chance.size))))


def adjust_threshold(chance: float, sensitivity: float) -> int:
    """Return a threshold in 1/255, moved on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = chance / (1 - chance) / sensitivity
    return min(255, max(1, round(255 * odds / (1 + odds))))


def components_above(chance: Probabilities, cut: int, smallest: int = 1, speck: int = 0) -> NDArray[np.uint8]:
    """Return (H,W) the connected pieces of what reaches `cut`/255: their chance in 1/255, elsewhere 0.

    A piece is as likely as its surest pixel. One of fewer pixels than `smallest` is left out, and a speck whose chance
    does not reach `speck`.
    """
    pieces = connected_components(chance, cut)
    scores = pieces.maxima(chance)
    scores[pieces.areas < smallest] = 0
    scores[(scores < speck) & find_specks(pieces, chance)] = 0
    return pieces.paint(scores)


def find_specks(pieces: ConnectedComponents, chance: Probabilities) -> NDArray[np.bool_]:
    """Return (n) which pieces of a scan's chances (H,W) are specks, see `SPECK`."""
    result: NDArray[np.bool_] = pieces.areas < SPECK * unit_of(chance) ** 2
    return result
