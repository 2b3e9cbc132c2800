"""Find what is masked and not filled, and count it by kind and by reason."""

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

#: Pixels, at a side of 512 px, that a suggestion may reach beyond what is filled without being counted separately: the
#: same component is wider as a suggestion than as a repair.
RIM = 4
#: Kind of a component that no detector has described.
OTHER = "other"
#: Why a mark is left: it is not certain enough; or nothing on its scan is filled without a person.
DOUBT, REVIEW = "doubt", "review"


@dataclass(frozen=True)
class Skipped:
    """What is masked and not filled.

    Attributes:
        mask: (H,W) uint8, 255 = masked and not filled.
        kinds: number of components by kind, most frequent first; empty exactly when the mask is.
        reasons: number of the same components by what keeps them from being filled, most frequent first.
    """

    mask: Mask = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    kinds: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many components there are."""
        return sum(self.kinds.values())

    @property
    def share(self) -> float:
        """Return the share of all pixels, 0..1."""
        return float(np.count_nonzero(self.mask)) / max(1, self.mask.size)


def find_skipped(fill: Mask, suspected: Mask, components: Sequence[Component]) -> Skipped:
    """Return what is masked and not filled.

    Counted are suggested components, components of which more than a rim is left beside what is filled, and what no
    detector has described. Where nothing is filled at all, every described component counts, whatever its level.

    Args:
        fill: (H,W) uint8, 255 = filled, or to be filled.
        suspected: (H,W) uint8, 255 = masked, whether filled or not.
        components: those described.
    """
    left = cv2.bitwise_and(suspected, cv2.bitwise_not(fill)).astype(np.uint8, copy=False)
    if not left.any():
        return Skipped(left)
    parts = connected_components(left)
    undescribed = np.ones(len(parts), bool)
    untouched = not fill.any()
    kinds, reasons = Counter[str](), Counter[str]()
    for one in components:
        if (untouched or one.level == "suggest") and (number := _find_part(parts, one)) is not None:
            kinds[one.kind] += 1
            reasons[one.left or (DOUBT if one.level == "suggest" else REVIEW)] += 1
            undescribed[number] = False
    if not untouched:
        rims = undescribed & ~_reach_beyond_rim(parts, fill)
        left = parts.paint(np.where(rims, np.uint8(0), np.uint8(255)))
        undescribed &= ~rims
        for one in components:
            if one.level != "repair" or not undescribed.any():
                continue
            inside, _, _ = parts.within(one.box)
            if undescribed[inside].any():
                kinds[one.kind] += 1
                reasons[DOUBT] += 1
                undescribed[inside] = False
    if undescribed.any():
        kinds[OTHER] += int(np.count_nonzero(undescribed))
        reasons[DOUBT] += int(np.count_nonzero(undescribed))
    return Skipped(left, dict(kinds.most_common()), dict(reasons.most_common()))


def _find_part(parts: ConnectedComponents, component: Component) -> int | None:
    """Return the part that fills most of a component's box; None where less than half of the component can be left."""
    numbers, areas, _ = parts.within(component.box)
    if not len(numbers) or 2 * areas.sum() < component.area:
        return None
    return int(numbers[areas.argmax()])


def _reach_beyond_rim(parts: ConnectedComponents, fill: Mask) -> NDArray[np.bool_]:
    """Return which parts (n,) reach farther from what is filled than a rim."""
    rim = round(RIM * unit_of(fill))
    near = cv2.dilate(fill, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8))
    beyond: NDArray[np.bool_] = parts.sums(near == 0) > 0
    return beyond
