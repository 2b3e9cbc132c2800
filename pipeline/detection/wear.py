"""Estimate how worn a picture is, by where it bears sure marks, and move probabilities accordingly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.detection.marks import Flags, Marks

#: Cells along either side of a picture. Errors of one object are not independent, so a cell counts once, however much
#: is marked in it, and a mark counts in one cell only.
CELLS = 8
#: Probability in 1/255 from which a mark is sure, and its fewest pixels.
SURE, LEAST = 128, 4
#: The share of damaged cells in a picture of which nothing is known, as counts of damaged and intact cells. A share
#: known of the collection can take their place.
DAMAGED, INTACT = 0.5, 15.0
#: Share of damaged cells for which the network's probabilities are taken as they are.
REFERENCE = 0.2
#: By how much log-odds move with the log-odds of the share of damaged cells. With independent errors it would be 1;
#: what the network sees in one picture is right or wrong together.
WEIGHT = 1.9


@dataclass(frozen=True)
class Wear:
    """How worn a picture is by marks of one polarity, lighter or darker than their surroundings.

    Attributes:
        cells: cells with a sure mark, of `CELLS` × `CELLS`.
    """

    cells: int

    @property
    def share(self) -> float:
        """Expected share of damaged cells, 0..1."""
        return (DAMAGED + self.cells) / (DAMAGED + INTACT + CELLS * CELLS)

    @property
    def evidence(self) -> float:
        """What is added to the log-odds of marks in this picture."""
        return WEIGHT * (log_odds(self.share) - log_odds(REFERENCE))


def estimate_wear(marks: Marks, swarms: Flags) -> dict[bool, Wear]:
    """Return the wear by lighter (True) and by darker marks (False); swarms (n,) are no evidence of any."""
    rows, columns = marks.components.shape
    x, y, width, height = marks.components.boxes.T
    place = (CELLS * (2 * y + height) // (2 * rows)) * CELLS + CELLS * (2 * x + width) // (2 * columns)
    sure = (marks.peak >= SURE) & (marks.areas >= LEAST) & ~swarms
    return {light: Wear(len(np.unique(place[sure & (marks.light == light)]))) for light in (True, False)}


def log_odds(probability: float) -> float:
    """Return the logarithm of the odds of a probability between 0 and 1."""
    return math.log(probability / (1 - probability))


def from_log_odds(value: float) -> float:
    """Return the probability 0..1 of log-odds."""
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
