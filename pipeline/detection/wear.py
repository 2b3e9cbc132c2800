"""Estimate how worn a picture is, by where it bears sure marks, and move probabilities accordingly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.lines import is_line
from pipeline.detection.marks import Flags, Marks

#: Cells along either side of a picture. Errors of one object are not independent, so a cell counts once, however much
#: is marked in it, and a mark counts in one cell only; a line counts in up to so many.
CELLS, CELLS_OF_LINE = 8, 3
#: How many times longer than wide a line is, and its greatest width in units.
ELONGATED, WIDE = 10.0, 8.0
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


def estimate_wear(marks: Marks, swarms: Flags, unit: float) -> dict[bool, Wear]:
    """Return the wear by lighter (True) and by darker marks (False).

    Args:
        marks: of a scan.
        swarms: (n,) which of them are no evidence of wear.
        unit: pixels of one unit of size, see `unit_of`.
    """
    sure = (marks.peak >= SURE) & (marks.areas >= LEAST) & ~swarms
    lines = np.array(
        [sure[n] and is_line(marks.components, n, WIDE * unit, ELONGATED) for n in range(len(marks))], bool
    )
    result = {}
    for light in (True, False):
        alike = sure & (marks.light == light)
        cells = set(_middles(marks)[alike & ~lines].tolist())
        for index in np.flatnonzero(alike & lines).tolist():
            cells |= _cells_of(marks, index)
        result[light] = Wear(len(cells))
    return result


def _middles(marks: Marks) -> NDArray[np.int64]:
    """Return the cell (n,) of the middle of each mark."""
    rows, columns = marks.components.shape
    x, y, width, height = marks.components.boxes.T
    down, across = CELLS * (2 * y + height) // (2 * rows), CELLS * (2 * x + width) // (2 * columns)
    return np.asarray(down * CELLS + across, np.int64)


def _cells_of(marks: Marks, index: int) -> set[int]:
    """Return the cells in which most of a line lies."""
    rows, columns = marks.components.shape
    x, y, width, height = (int(n) for n in marks.components.boxes[index])
    row, column = np.nonzero(marks.components.inside(index, (x, y, width, height)))
    place = CELLS * (row + y) // rows * CELLS + CELLS * (column + x) // columns
    places, counts = np.unique(place, return_counts=True)
    return set(places[np.argsort(-counts, kind="stable")[:CELLS_OF_LINE]].tolist())


def log_odds(probability: float) -> float:
    """Return the logarithm of the odds of a probability between 0 and 1."""
    return math.log(probability / (1 - probability))


def from_log_odds(value: float) -> float:
    """Return the probability 0..1 of log-odds."""
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
