"""Describe the components of a learned mask: kind, probability and reason of each."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.judge import Judgement
from pipeline.detection.marks import MarkedScan
from pipeline.detection.types import Component, Left, Level
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.resolution import stroke_width

#: Components described on one scan, the largest first; a scan with more is reviewed as a whole.
MOST = 5_000
#: Reason of a piece that is missing at the border.
TORN = "a piece torn off the print: the flat dark ground shows, sharply bounded by an uneven rim"
#: Reason of a stain.
STAINED = "a stain: redder than the rest of the print at the same lightness, on a print of which pieces are torn off"


def describe_components(scan: MarkedScan, judgement: Judgement) -> list[Component]:
    """Return the components of both levels: those to repair, and suggestions that contain nothing to repair."""
    result: list[Component] = []
    components = connected_components(judgement.suggest)
    light = scan.contrast(components) > 0
    peaks = components.maxima(scan.probability)
    repaired_areas, repaired_peaks = (
        components.sums(judgement.repair) // 255,
        _peaks_within(scan, judgement, components),
    )
    in_swarms, structure, beyond, torn, stains = (
        components.sums(plane) // 255
        for plane in (judgement.swarms, judgement.structure, judgement.beyond, judgement.torn, judgement.stains)
    )
    for index in np.argsort(-components.areas, kind="stable")[:MOST].tolist():
        x, y, width, height = (int(n) for n in components.boxes[index])
        area, repaired, lighter = int(components.areas[index]), int(repaired_areas[index]), bool(light[index])
        kind, shape, _ = classify_shape(components, index, scan.unit)
        peak = int(repaired_peaks[index] if repaired else peaks[index])
        reason = (
            f"a {shape}, {'lighter' if lighter else 'darker'} than its surroundings; the network gives its most certain"
            f" pixel a probability of {peak / 255:.0%}, and {judgement.describe_asked(light=lighter)}"
        )
        missing = 2 * int(torn[index]) >= area
        if missing:
            kind, reason = "loss", TORN
        stained = not repaired and 2 * int(stains[index]) >= area
        if stained:
            kind, reason = "loss", STAINED
        if 0 < repaired < area:
            reason += f"; {repaired / area:.0%} of it is certain enough to repair"
        swarm = not repaired and 2 * int(in_swarms[index]) >= area
        if swarm:
            reason += "; left as it is: one of many alike small marks, as of a texture"
        if not repaired and 2 * int(structure[index]) >= area:
            reason += "; left as it is: it may be part of the picture, a drawn line or a texture like what is around"
        too_much = not repaired and 2 * int(beyond[index]) >= area
        if too_much:
            reason += "; left as it is: surer marks cover as much of the scan as may be filled without review"
        level: Level = "repair" if repaired else "suggest"
        probability = None if missing or stained else round(judgement.probability(peak, light=lighter), 3)
        left: Left = "swarm" if swarm else "coverage" if too_much else ""
        result.append(Component(kind, level, (x, y, width, height), area, probability, reason, left))
    return result


def _peaks_within(scan: MarkedScan, judgement: Judgement, components: ConnectedComponents) -> NDArray[np.uint8]:
    """Return (n,) the highest probability in 1/255 of what is repaired of each component."""
    return components.maxima(np.asarray(cv2.bitwise_and(scan.probability, judgement.repair), np.uint8))


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
