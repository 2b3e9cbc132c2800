"""The judgement over each piece: how likely it is damage, and the words for it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.classical.components import MeasuredComponents

#: Chances from which a piece is repaired unattended, by shape: (bright, dark). Set where, on held-out pictures, some
#: 97 % of what they take is damage and hardly one clean picture in twenty has a mark of that shape.
REPAIR_LINE, REPAIR_SPOT, REPAIR_BROAD = (0.87, 0.95), (0.97, 0.965), (0.95, 0.97)
#: A line that bends, or one of a tone that is common in the picture, is more often an outline.
BENT, COMMON, REPAIR_DOUBTFUL_LINE = 0.08, 0.2, 0.98
#: Chance from which a piece is suggested.
SUGGEST = 0.4

#: Figures further out than this many deviations say no more than that; beyond, the table would only guess.
CLIP = 2.5

TABLE = Path(__file__).with_name("classifier.json")

Matrix = NDArray[np.float64]


@lru_cache(maxsize=1)
def _load_table() -> dict[str, Matrix]:
    """A small network's numbers: centre and scale of each figure, two hidden layers, one output."""
    document = json.loads(TABLE.read_text(encoding="utf-8"))
    return {name: np.asarray(values, np.float64) for name, values in document.items()}


def features(pieces: MeasuredComponents, unit: float, cut: float) -> Matrix:
    """Return (n,18) what pieces are judged by; free of the scan's size.

    Args:
        pieces: the pieces.
        unit: pixels of one unit of size.
        cut: the score at which they were cut out.
    """
    width, contrast = np.maximum(pieces.width, 1), np.maximum(pieces.contrast, 1)
    return np.stack(
        [
            np.log(pieces.area / unit**2),
            np.log(width / unit),
            np.log(pieces.length / unit),
            np.log(np.maximum(pieces.length / width, 0.1)),
            pieces.straight,
            pieces.contrast / 40,
            np.log(pieces.score),
            np.log(pieces.peak),
            pieces.busy / 10,
            pieces.tone / 128 - 1,
            pieces.even / contrast,
            pieces.below / contrast,
            pieces.sharp,
            np.log(pieces.extreme + 1e-4) / 4,
            pieces.crowd * 10,
            pieces.border.astype(np.float64),
            np.full(len(pieces), float(pieces.bright)),
            np.full(len(pieces), np.log(cut)),
        ],
        axis=1,
    )


def probabilities(pieces: MeasuredComponents, unit: float, cut: float) -> NDArray[np.float64]:
    """Return for each piece the chance that it is damage, 0..1; arguments as for `figures`."""
    if not len(pieces):
        return np.zeros(0)
    table = _load_table()
    values = np.clip((features(pieces, unit, cut) - table["mean"]) / table["scale"], -CLIP, CLIP)
    hidden = np.tanh(values @ table["w1"].T + table["b1"])
    hidden = np.tanh(hidden @ table["w2"].T + table["b2"])
    result: NDArray[np.float64] = 1 / (1 + np.exp(-(hidden @ table["w3"] + table["b3"])))
    return result


def repair_thresholds(pieces: MeasuredComponents, unit: float) -> NDArray[np.float64]:
    """Return for each piece the chance from which it is repaired."""
    side = 0 if pieces.bright else 1
    broad = np.where(pieces.width > 5 * unit, REPAIR_BROAD[side], REPAIR_SPOT[side])
    doubtful = (pieces.straight > BENT) | (pieces.extreme > COMMON)
    return np.where(find_lines(pieces, unit), np.where(doubtful, REPAIR_DOUBTFUL_LINE, REPAIR_LINE[side]), broad)


def find_lines(pieces: MeasuredComponents, unit: float) -> NDArray[np.bool_]:
    """Return which pieces are lines: long for their width, and long enough to be no speck."""
    result: NDArray[np.bool_] = (pieces.length > 6 * pieces.width) & (pieces.length > 14 * unit)
    return result


def describe(pieces: MeasuredComponents, index: int, unit: float) -> tuple[str, str]:
    """Return the kind of a piece and why it is taken for damage, in one plain sentence."""
    width, length = float(pieces.width[index]), float(pieces.length[index])
    straight = float(pieces.straight[index])
    if find_lines(pieces, unit)[index]:
        kind = "scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"
        shape = f"line {length:.0f} px long and {width:.0f} px wide"
    else:
        kind = "dust" if width <= 5 * unit else "loss"
        shape = f"spot {width:.0f} px wide"
    side = "brighter" if pieces.bright else "darker"
    share = float(pieces.extreme[index])
    place = f"{side} than all but {share:.1%} of the picture" if share >= 0.0005 else f"{side} than all of the picture"
    return kind, f"a {shape}, {pieces.contrast[index]:.0f} grey levels {side} than its surroundings and {place}"
