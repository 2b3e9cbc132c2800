"""Pieces of a learned mask: kind, chance and reason of each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.sizes import stroke_width
from pipeline.damage.types import Component, Mask

#: Pieces explained on one scan, largest first; a scan with more has a review of its own.
MOST = 5_000


@dataclass(frozen=True)
class Found:
    """What a network found.

    Attributes:
        chance: (H,W) uint8 in 1/255.
        repair: chance of each piece to repair in 1/255, 0 elsewhere; before widening.
        suggest: 0 and 255; contains what is to repair.
        unit: pixels of one unit of size, see `unit_of`.
    """

    chance: NDArray[np.uint8]
    repair: NDArray[np.uint8]
    suggest: Mask
    unit: float


def explain_pieces(found: Found) -> list[Component]:
    """Returns the connected pieces of both levels: those to repair, and suggestions that hold nothing to repair."""
    components: list[Component] = []
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.suggest, connectivity=8)
    if count <= 1:
        return components
    areas = stats[1:, cv2.CC_STAT_AREA]
    for index in (np.argsort(-areas)[:MOST] + 1).tolist():
        x, y, width, height, area = (int(n) for n in stats[index, :5])
        box = (slice(y, y + height), slice(x, x + width))
        inside = labels[box] == index
        chance = found.chance[box][inside]
        certain = found.repair[box][inside]
        confident = int(np.count_nonzero(certain))
        kind, shape, _ = shape_of(inside, area, found.unit)
        # What is repaired carries its piece's chance; a suggestion has no other than its pixels'.
        mean = float(certain.max() if confident else chance.mean()) / 255
        text = (
            f"a {shape}; the network gives it a chance of {mean:.0%}, its surest pixel {float(chance.max()) / 255:.0%}"
        )
        if 0 < confident < area:
            text += f"; {confident / area:.0%} of it is certain enough to repair"
        level = "repair" if confident else "suggest"
        components.append(
            Component(
                kind, "repair" if level == "repair" else "suggest", (x, y, width, height), area, round(mean, 3), text
            )
        )
    return components


def shape_of(inside: NDArray[np.bool_], area: int, unit: float) -> tuple[str, str, float]:
    """Returns the kind of a piece by its shape, its shape in words, and the width of its stroke in pixels."""
    rows, columns = np.nonzero(inside)
    width = stroke_width(inside)
    length = max(area / width, float(np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1)))
    if length > 5 * width and length > 12 * unit:
        spread = np.linalg.eigvalsh(np.cov(np.stack([rows, columns]).astype(np.float64)))
        straight = float(np.sqrt(max(spread[0], 0) / max(spread[1], 1e-9)))
        kind = "scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"
        return kind, f"line {length:.0f} px long and {width:.0f} px wide", width
    kind = "dust" if width <= 6 * unit else "loss"
    return kind, f"spot {width:.0f} px wide", width
