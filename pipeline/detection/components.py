"""Describe the components of a learned mask: kind, probability and reason of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.types import Component, Level
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.resolution import stroke_width
from pipeline.imaging.types import Mask

#: Components described on one scan, the largest first; a scan with more is reviewed as a whole.
MOST = 5_000


@dataclass(frozen=True)
class Segmentation:
    """A network's answer for one scan, with thresholds applied.

    Attributes:
        probability: (H,W) uint8 in 1/255.
        repair: probability of each component to repair in 1/255, 0 elsewhere; before dilation.
        suggest: 0 and 255; contains what is to be repaired.
        unit: pixels of one unit of size, see `unit_of`.
    """

    probability: NDArray[np.uint8]
    repair: NDArray[np.uint8]
    suggest: Mask
    unit: float


def describe_components(found: Segmentation) -> list[Component]:
    """Return the components of both levels: those to repair, and suggestions that contain nothing to repair."""
    result: list[Component] = []
    components = connected_components(found.suggest)
    sums, maxima = components.sums(found.probability), components.maxima(found.probability)
    repaired_areas, repair_probabilities = components.sums(found.repair > 0), components.maxima(found.repair)
    for index in np.argsort(-components.areas, kind="stable")[:MOST].tolist():
        x, y, width, height = (int(n) for n in components.boxes[index])
        area, repaired = int(components.areas[index]), int(repaired_areas[index])
        kind, shape, _ = classify_shape(components, index, found.unit)
        # A repair has its component's probability; a suggestion has only the mean of its pixels'.
        probability = float(repair_probabilities[index] if repaired else sums[index] / area) / 255
        reason = (
            f"a {shape}; the network gives it a probability of {probability:.0%}, {maxima[index] / 255:.0%} at its"
            " most certain pixel"
        )
        if 0 < repaired < area:
            reason += f"; {repaired / area:.0%} of it is certain enough to repair"
        level: Level = "repair" if repaired else "suggest"
        result.append(Component(kind, level, (x, y, width, height), area, round(probability, 3), reason))
    return result


def classify_shape(components: ConnectedComponents, index: int, unit: float) -> tuple[str, str, float]:
    """Return the kind of a component by its shape, its shape in words, and the width of its stroke in pixels."""
    width, area = stroke_width(components, index), int(components.areas[index])
    length = max(area / width, float(np.hypot(components.boxes[index, 2], components.boxes[index, 3])))
    if length > 5 * width and length > 12 * unit:
        spread = np.linalg.eigvalsh(_covariance(components, index))
        straight = float(np.sqrt(max(spread[0], 0) / max(spread[1], 1e-9)))
        kind = "scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"
        return kind, f"line {length:.0f} px long and {width:.0f} px wide", width
    kind = "dust" if width <= 6 * unit else "loss"
    return kind, f"spot {width:.0f} px wide", width


def _covariance(components: ConnectedComponents, index: int) -> NDArray[np.float64]:
    """Return the covariance (2,2) of rows and columns over all pixels of a component."""
    rows, first, last = components.runs(index)
    lengths = last - first
    spread: NDArray[np.float64] = np.cov(np.stack([rows, (first + last - 1) / 2]), fweights=lengths)
    # The pixels of a run lie around its middle, which adds (n³ - n) / 12 to the squares of the columns.
    spread[1, 1] += float((lengths**3 - lengths).sum()) / 12 / (components.areas[index] - 1)
    return spread
