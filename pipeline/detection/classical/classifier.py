"""Classify each component: the probability that it is damage, and the reason in words."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.classical.components import MeasuredComponents

#: Probabilities from which a component is repaired without review, by shape: (bright, dark). On held-out pictures some
#: 97 % of what they accept is damage, and hardly one clean picture in twenty has a mark of that shape.
REPAIR_LINE, REPAIR_SPOT, REPAIR_BROAD = (0.87, 0.95), (0.97, 0.965), (0.95, 0.97)
#: A line that bends, or whose tone is common in the picture, is more often an outline.
BENT, COMMON, REPAIR_AMBIGUOUS_LINE = 0.08, 0.2, 0.98
#: Probability from which a component is suggested.
SUGGEST = 0.4

#: Features are clipped at this many standard deviations: beyond, the classifier would extrapolate.
CLIP = 2.5

TABLE = Path(__file__).with_name("classifier.json")

Matrix = NDArray[np.float64]


@lru_cache(maxsize=1)
def _load_table() -> dict[str, Matrix]:
    """Return a small network's weights: mean and scale of each feature, two hidden layers, one output."""
    document = json.loads(TABLE.read_text(encoding="utf-8"))
    return {name: np.asarray(values, np.float64) for name, values in document.items()}


def features(components: MeasuredComponents, unit: float, cut: float) -> Matrix:
    """Return (n,18) the features that components are classified by; independent of the scan's size.

    Args:
        components: the components.
        unit: pixels of one unit of size.
        cut: the score at which they were found.
    """
    width, contrast = np.maximum(components.width, 1), np.maximum(components.contrast, 1)
    return np.stack(
        [
            np.log(components.area / unit**2),
            np.log(width / unit),
            np.log(components.length / unit),
            np.log(np.maximum(components.length / width, 0.1)),
            components.straight,
            components.contrast / 40,
            np.log(components.score),
            np.log(components.peak),
            components.busy / 10,
            components.tone / 128 - 1,
            components.even / contrast,
            components.below / contrast,
            components.sharp,
            np.log(components.extreme + 1e-4) / 4,
            components.crowd * 10,
            components.border.astype(np.float64),
            np.full(len(components), float(components.bright)),
            np.full(len(components), np.log(cut)),
        ],
        axis=1,
    )


def probabilities(components: MeasuredComponents, unit: float, cut: float) -> NDArray[np.float64]:
    """Return (n,) the probability that each component is damage, 0..1; arguments as for `features`."""
    if not len(components):
        return np.zeros(0)
    table = _load_table()
    values = np.clip((features(components, unit, cut) - table["mean"]) / table["scale"], -CLIP, CLIP)
    hidden = np.tanh(values @ table["w1"].T + table["b1"])
    hidden = np.tanh(hidden @ table["w2"].T + table["b2"])
    result: NDArray[np.float64] = 1 / (1 + np.exp(-(hidden @ table["w3"] + table["b3"])))
    return result


def repair_thresholds(components: MeasuredComponents, unit: float) -> NDArray[np.float64]:
    """Return (n,) the probability from which each component is repaired."""
    side = 0 if components.bright else 1
    broad = np.where(components.width > 5 * unit, REPAIR_BROAD[side], REPAIR_SPOT[side])
    ambiguous = (components.straight > BENT) | (components.extreme > COMMON)
    return np.where(find_lines(components, unit), np.where(ambiguous, REPAIR_AMBIGUOUS_LINE, REPAIR_LINE[side]), broad)


def find_lines(components: MeasuredComponents, unit: float) -> NDArray[np.bool_]:
    """Return (n,) which components are lines: long for their width, and too long for a speck."""
    result: NDArray[np.bool_] = (components.length > 6 * components.width) & (components.length > 14 * unit)
    return result


def describe(components: MeasuredComponents, index: int, unit: float) -> tuple[str, str]:
    """Return the kind of a component and the reason why it is taken for damage, in one sentence."""
    width, length = float(components.width[index]), float(components.length[index])
    straight = float(components.straight[index])
    if find_lines(components, unit)[index]:
        kind = "scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"
        shape = f"line {length:.0f} px long and {width:.0f} px wide"
    else:
        kind = "dust" if width <= 5 * unit else "loss"
        shape = f"spot {width:.0f} px wide"
    side = "brighter" if components.bright else "darker"
    share = float(components.extreme[index])
    rank = f"{side} than all but {share:.1%} of the picture" if share >= 0.0005 else f"{side} than all of the picture"
    return kind, f"a {shape}, {components.contrast[index]:.0f} grey levels {side} than its surroundings and {rank}"
