"""How likely a piece of a learned mask is damage, from all of its pixels' chances and its shape together.

The surest pixel of a piece says little: a window bar of a thousand doubtful pixels has one sure one somewhere. Pooled
over the piece, the network's own chances tell damage from structure far better.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.connected import Connected
from pipeline.damage.sizes import stroke_width, unit_of

Matrix = NDArray[np.float64]

FIGURES = 6
#: Which figure is the log-odds of the surest pixel, and which are the logarithms of area and width, in pixels at 512 px
#: of side.
SUREST, AREA, WIDTH = 0, 3, 4
#: Figures further out than this many deviations say no more than that.
CLIP = 3.0
#: Pieces of fewer pixels are about as wide as they are long.
SPECK = 12
#: Pieces whose chances are counted at a time.
MANY = 4096


def piece_figures(chance: NDArray[np.uint8], pieces: Connected) -> Matrix:
    """Returns (n,6) what pieces are judged by, free of the scan's size.

    Highest, mean and upper-decile log-odds; logarithms of area, width and length over width.

    Args:
        chance: (H,W) uint8 in 1/255.
        pieces: n of them.
    """
    odds = log_odds(np.arange(256, dtype=np.uint8))
    parts = pairwise([*range(0, len(pieces), MANY), len(pieces)])
    shown = [_odds(pieces.histograms(chance, first, last), odds) for first, last in parts]
    unit = unit_of(chance)
    areas = pieces.areas.astype(np.float64)
    specks = pieces.areas < SPECK
    widths = np.array([np.sqrt(areas[n]) if specks[n] else stroke_width(pieces, n) for n in range(len(pieces))])
    spans = np.hypot(pieces.boxes[:, 2], pieces.boxes[:, 3])
    shape = np.stack([np.log(areas / unit**2), np.log(widths / unit), np.log(spans / widths)], axis=1)
    return np.concatenate([np.concatenate([np.zeros((0, 3)), *shown]), shape], axis=1)


def _odds(histograms: NDArray[np.int64], odds: Matrix) -> Matrix:
    """Highest, mean and upper-decile log-odds (n,3) of pieces, by how often each chance occurs in them (n,256)."""
    upto = histograms.cumsum(axis=1)
    areas = upto[:, -1:]
    highest = (upto < areas).sum(axis=1)
    decile = (upto <= (0.9 * (areas - 1)).astype(np.int64)).sum(axis=1)
    return np.stack([odds[highest], histograms @ odds / areas[:, 0], odds[decile]], axis=1)


def log_odds(values: NDArray[Any]) -> Matrix:
    """Returns the log-odds of chances in 1/255, finite at 0 and at 255 too."""
    chance = values.astype(np.float64) / 255
    odds: Matrix = np.log((chance + 0.004) / (1.004 - chance))
    return odds


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
