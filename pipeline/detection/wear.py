"""Estimate how worn a picture is, by where it bears sure marks, and move probabilities accordingly."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
#: Probability in 1/255 from which a mark is suspected. Cells with suspected marks count like damaged ones as far as
#: they are more than so many, each of the further ones so many times, up to a greatest number; and in full where
#: suspected marks cover such a share of the picture. Only lighter ones count: dark suspicion is shadow or texture.
SUSPECTED, USUAL, STEEPLY, MOST, AREA = 60, 11, 3, 16, 0.015
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
        suspected: cells with a suspected mark.
        area: share of the picture that suspected marks cover, 0..1.
    """

    cells: int
    suspected: int = 0
    area: float = 0.0

    @property
    def widespread(self) -> float:
        """Return how many damaged cells the suspected marks stand for: few are usual, many over much area are not."""
        beyond = STEEPLY * max(0, self.suspected - USUAL)
        return min(1.0, self.area / AREA) * min(beyond, MOST)

    @property
    def share(self) -> float:
        """Expected share of damaged cells, 0..1."""
        return (DAMAGED + max(self.cells, self.widespread)) / (DAMAGED + INTACT + CELLS * CELLS)

    @property
    def evidence(self) -> float:
        """What is added to the log-odds of marks in this picture."""
        return WEIGHT * (log_odds(self.share) - log_odds(REFERENCE))


def estimate_wear(
    marks: Marks, swarms: Flags, suspected: Marks, suspected_swarms: Flags, unit: float
) -> dict[bool, Wear]:
    """Return the wear by lighter (True) and by darker marks (False).

    Args:
        marks, suspected: of a scan, at a cut of at most `SURE` and of `SUSPECTED`.
        swarms, suspected_swarms: (n,) which of them are no evidence of wear.
        unit: pixels of one unit of size, see `unit_of`.
    """
    result = {}
    for light in (True, False):
        sure = (marks.peak >= SURE) & ~swarms & (marks.light == light)
        result[light] = Wear(_count_cells(marks, sure, unit))
    rows, columns = suspected.components.shape
    result[True] = replace(
        result[True],
        suspected=_count_cells(suspected, suspected.light & ~suspected_swarms, unit),
        area=int(suspected.areas[suspected.light].sum()) / (rows * columns),
    )
    return result


def _count_cells(marks: Marks, chosen: Flags, unit: float) -> int:
    """Return in how many cells the chosen marks (n,) that are no specks lie."""
    chosen = chosen & (marks.areas >= LEAST)
    lines = np.array(
        [chosen[n] and is_line(marks.components, n, WIDE * unit, ELONGATED) for n in range(len(marks))], bool
    )
    cells = set(_middles(marks)[chosen & ~lines].tolist())
    for index in np.flatnonzero(lines).tolist():
        cells |= _cells_of(marks, index)
    return len(cells)


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
