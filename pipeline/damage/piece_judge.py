"""How likely a piece of a learned mask is damage, from all of its pixels' chances and its shape together.

The surest pixel of a piece says little: a window bar of a thousand doubtful pixels has one sure one somewhere. Pooled
over the piece, the network's own chances tell damage from structure far better.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.sizes import stroke_width, unit_of

Matrix = NDArray[np.float64]

FIGURES = 6
#: Which figure is the logarithm of the width, in pixels at 512 px of side.
WIDTH = 4
#: Figures further out than this many deviations say no more than that.
CLIP = 3.0
#: Pieces of fewer pixels are about as wide as they are long.
SPECK = 12


def piece_figures(chance: NDArray[np.uint8], labels: NDArray[np.int32], stats: NDArray[np.int32]) -> Matrix:
    """Returns (n,6) what pieces are judged by, free of the scan's size.

    Highest, mean and upper-decile log-odds; logarithms of area, width and length over width.

    Args:
        chance: (H,W) uint8 in 1/255.
        labels: (H,W) int32, 0 outside, 1..n inside pieces.
        stats: (n+1,5) of OpenCV's connected components.
    """
    count = len(stats) - 1
    if not count:
        return np.zeros((0, FIGURES))
    inside = np.flatnonzero(labels)
    owner, values = labels.ravel()[inside], chance.ravel()[inside]
    order = np.lexsort((values, owner))
    owner, odds = owner[order], _log_odds(values[order])
    starts = np.searchsorted(owner, np.arange(1, count + 2))
    first, last = starts[:-1], starts[1:] - 1
    areas = (last - first + 1).astype(np.float64)
    mean = np.add.reduceat(odds, first) / areas
    decile = odds[first + (0.9 * (areas - 1)).astype(np.int64)]
    unit = unit_of(chance)
    widths = np.array([_width(labels, index, stats[index]) for index in range(1, count + 1)])
    spans = np.hypot(stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT])
    shape = [np.log(areas / unit**2), np.log(widths / unit), np.log(spans / widths)]
    return np.stack([odds[last], mean, decile, *shape], axis=1)


def _log_odds(values: NDArray[np.uint8]) -> Matrix:
    chance = values.astype(np.float64) / 255
    odds: Matrix = np.log((chance + 0.004) / (1.004 - chance))
    return odds


def _width(labels: NDArray[np.int32], index: int, stat: NDArray[np.int32]) -> float:
    """The width of a piece in pixels."""
    x, y, width, height, area = (int(value) for value in stat)
    if area < SPECK:
        return float(np.sqrt(area))
    return stroke_width(labels[y : y + height, x : x + width] == index)


@dataclass(frozen=True)
class PieceJudge:
    """A small network over the figures of pieces: one hidden layer of hyperbolic tangents, one answer.

    Attributes:
        mean, scale: of each figure.
        hidden: (k,6) weights and `hidden_bias` (k).
        out: (k) weights and `out_bias`.
    """

    mean: Matrix
    scale: Matrix
    hidden: Matrix
    hidden_bias: Matrix
    out: Matrix
    out_bias: float

    def chances(self, figures: Matrix) -> Matrix:
        """Returns (n) the chance of damage, 0..1, for figures (n,6)."""
        values = np.clip((figures - self.mean) / self.scale, -CLIP, CLIP)
        answer = np.tanh(values @ self.hidden.T + self.hidden_bias) @ self.out + self.out_bias
        result: Matrix = 1 / (1 + np.exp(-answer))
        return result

    def as_document(self) -> dict[str, object]:
        """Returns plain values, for the header of a weights file."""
        return {name: np.round(value, 6).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_document(cls, document: dict[str, object]) -> PieceJudge:
        """Returns the judge that a header holds. Raises `ValueError` when its numbers do not fit together."""
        arrays = {name: np.asarray(value, np.float64) for name, value in document.items()}
        judge = cls(**{**arrays, "out_bias": float(arrays["out_bias"])})  # type: ignore[arg-type]
        width = len(judge.out)
        shapes = [(judge.mean, (FIGURES,)), (judge.scale, (FIGURES,)), (judge.hidden, (width, FIGURES)),
                  (judge.hidden_bias, (width,))]  # fmt: skip
        if any(array.shape != shape or not np.isfinite(array).all() for array, shape in shapes):
            raise ValueError("the judge's numbers do not fit together")
        return judge
