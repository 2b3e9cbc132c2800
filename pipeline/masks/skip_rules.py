"""What is marked and not filled: the mask of it, and how many pieces of which kind it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.types import Component
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Mask

#: Pixels, at 512 px of side, that a suggestion may reach around what is filled without being a mark of its own: the
#: same piece is cut out wider for a suggestion than for a repair.
RIM = 4
#: Kind of a piece that no detector has explained.
OTHER = "other"


@dataclass(frozen=True)
class Skipped:
    """What is marked and not filled.

    Attributes:
        mask: (H,W) uint8, 255 = marked and not filled.
        kinds: pieces by kind, most frequent first; empty exactly when the mask is.
    """

    mask: Mask = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return sum(self.kinds.values())

    @property
    def share(self) -> float:
        """Share of all pixels, 0..1."""
        return float(np.count_nonzero(self.mask)) / max(1, self.mask.size)


def find_skipped(fill: Mask, suspected: Mask, components: Sequence[Component]) -> Skipped:
    """Return what is marked and not filled.

    Counted are explained suggestions, pieces of which more than a rim is left beside what is filled, and what nobody
    has explained. Where nothing is filled at all, every explained piece counts, whatever its level.

    Args:
        fill: (H,W) uint8, 255 = filled, or to be filled.
        suspected: (H,W) uint8, 255 = marked, whether filled or not.
        components: the explanations.
    """
    left = cv2.bitwise_and(suspected, cv2.bitwise_not(fill)).astype(np.uint8, copy=False)
    if not left.any():
        return Skipped(left)
    pieces = connected_components(left)
    rest = np.ones(len(pieces), bool)
    untouched = not fill.any()
    kinds: Counter[str] = Counter()
    for one in components:
        if (untouched or one.level == "suggest") and (number := _fullest(pieces, one)) is not None:
            kinds[one.kind] += 1
            rest[number] = False
    if not untouched:
        rims = rest & ~_beyond(pieces, fill)
        left = pieces.paint(np.where(rims, np.uint8(0), np.uint8(255)))
        rest &= ~rims
        for one in components:
            if one.level != "repair" or not rest.any():
                continue
            parts, _, _ = pieces.within(one.box)
            if rest[parts].any():
                kinds[one.kind] += 1
                rest[parts] = False
    if rest.any():
        kinds[OTHER] += int(np.count_nonzero(rest))
    return Skipped(left, dict(kinds.most_common()))


def _fullest(pieces: ConnectedComponents, piece: Component) -> int | None:
    """The part that fills most of the box of a piece; None where less than half of the piece can be left in it."""
    numbers, areas, _ = pieces.within(piece.box)
    if not len(numbers) or 2 * areas.sum() < piece.area:
        return None
    return int(numbers[areas.argmax()])


def _beyond(pieces: ConnectedComponents, fill: Mask) -> NDArray[np.bool_]:
    """Which parts reach farther from what is filled than a rim."""
    rim = round(RIM * unit_of(fill))
    near = cv2.dilate(fill, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8))
    beyond: NDArray[np.bool_] = pieces.sums(near == 0) > 0
    return beyond
