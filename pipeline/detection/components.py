"""Pieces of a learned mask: kind, chance and reason of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.types import Component
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.resolution import stroke_width
from pipeline.imaging.types import Mask

#: Pieces explained on one scan, largest first; a scan with more has a review of its own.
MOST = 5_000


@dataclass(frozen=True)
class Segmentation:
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


def describe_components(found: Segmentation) -> list[Component]:
    """Return the connected pieces of both levels: those to repair, and suggestions that hold nothing to repair."""
    components: list[Component] = []
    pieces = connected_components(found.suggest)
    sums, surest = pieces.sums(found.chance), pieces.maxima(found.chance)
    certain, chances = pieces.sums(found.repair > 0), pieces.maxima(found.repair)
    for index in np.argsort(-pieces.areas, kind="stable")[:MOST].tolist():
        x, y, width, height = (int(n) for n in pieces.boxes[index])
        area, confident = int(pieces.areas[index]), int(certain[index])
        kind, shape, _ = classify_shape(pieces, index, found.unit)
        # What is repaired carries its piece's chance; a suggestion has no other than its pixels'.
        mean = float(chances[index] if confident else sums[index] / area) / 255
        text = f"a {shape}; the network gives it a chance of {mean:.0%}, its surest pixel {surest[index] / 255:.0%}"
        if 0 < confident < area:
            text += f"; {confident / area:.0%} of it is certain enough to repair"
        level = "repair" if confident else "suggest"
        components.append(
            Component(
                kind, "repair" if level == "repair" else "suggest", (x, y, width, height), area, round(mean, 3), text
            )
        )
    return components


def classify_shape(pieces: ConnectedComponents, index: int, unit: float) -> tuple[str, str, float]:
    """Return the kind of a piece by its shape, its shape in words, and the width of its stroke in pixels."""
    width, area = stroke_width(pieces, index), int(pieces.areas[index])
    length = max(area / width, float(np.hypot(pieces.boxes[index, 2], pieces.boxes[index, 3])))
    if length > 5 * width and length > 12 * unit:
        spread = np.linalg.eigvalsh(_covariance(pieces, index))
        straight = float(np.sqrt(max(spread[0], 0) / max(spread[1], 1e-9)))
        kind = "scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"
        return kind, f"line {length:.0f} px long and {width:.0f} px wide", width
    kind = "dust" if width <= 6 * unit else "loss"
    return kind, f"spot {width:.0f} px wide", width


def _covariance(pieces: ConnectedComponents, index: int) -> NDArray[np.float64]:
    """Of rows and columns (2,2) over all pixels of a piece."""
    rows, first, last = pieces.runs(index)
    lengths = last - first
    spread: NDArray[np.float64] = np.cov(np.stack([rows, (first + last - 1) / 2]), fweights=lengths)
    # The pixels of a run lie around its middle, which adds (n³ - n) / 12 to the squares of the columns.
    spread[1, 1] += float((lengths**3 - lengths).sum()) / 12 / (pieces.areas[index] - 1)
    return spread
