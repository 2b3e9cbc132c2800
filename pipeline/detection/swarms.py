"""Find swarms: many small marks that are alike are a texture, not dust."""

from __future__ import annotations

import numpy as np

from pipeline.detection.marks import Flags, Marks

#: Longest side in units of a small mark, and how many times its shorter side that may be.
SMALL, ELONGATED = 14.0, 3.5
#: Pixels below which a mark's area says nothing of its kind.
LEAST = 3
#: Probability in 1/255 of the marks that are counted.
COUNTED = 128
#: From so many small marks of one polarity on they are compared. Dust is of many sizes (standard deviation of the
#: logarithm of areas .6 to 1.2) and stands out clearly; dots, drops, freckles, beads and craters are of one size, or
#: faint.
MANY, SPREAD, FAINT = 24, 0.56, 25.0


def find_swarms(marks: Marks, unit: float) -> Flags:
    """Return which marks (n,) belong to a swarm.

    Args:
        marks: of a scan.
        unit: pixels of one unit of size, see `unit_of`.
    """
    result = np.zeros(len(marks), np.bool_)
    if not len(marks):
        return result
    longer, shorter = marks.components.boxes[:, 2:].max(axis=1), marks.components.boxes[:, 2:].min(axis=1)
    small = (longer <= SMALL * unit) & (longer <= ELONGATED * shorter) & (marks.areas >= LEAST)
    for light in (True, False):
        alike = small & (marks.light == light)
        counted = alike & (marks.peak >= COUNTED)
        if np.count_nonzero(counted) < MANY:
            continue
        spread = float(np.log(marks.areas[counted]).std())
        if spread < SPREAD or float(np.median(np.abs(marks.contrast[counted]))) < FAINT:
            result |= alike
    return result
