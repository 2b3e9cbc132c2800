"""Find marks that are drawn: painted lines of courts and roads, frames, bars, that are straight and end on each other.

Scratches and creases are rough, or straight and alone, or cross each other; what is drawn has sides that are straight
to a pixel, in two directions, and ends where it meets.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.detection.marks import Flags
from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.types import Mask

#: Deviation in units of a straight side, its length, and by how many times that exceeds the mark's mean width.
STRAIGHT, LONG, SLENDER = 1.5, 30.0, 4.0
#: Share of a mark's outline that is straight sides where it is drawn, and by how many degrees two directions differ.
MOSTLY, APART = 0.6, 25.0
#: Sides of a line in one direction: both of its edges, of which another line that ends on it parts one. Where lines
#: cross, each has four or more.
EDGES, PARTED = 2, 3
#: Length in units of the shortest mark that is looked at.
LEAST = 45.0


def find_drawn_lines(marks: ConnectedComponents, unit: float) -> Flags:
    """Return which marks (n,) are drawn: straight lines that meet, and where there are some, other straight lines."""
    straight, meeting = np.zeros(len(marks), np.bool_), np.zeros(len(marks), np.bool_)
    for index in np.flatnonzero(np.hypot(*marks.boxes[:, 2:].T) >= LEAST * unit).tolist():
        x, y, width, height = (int(n) for n in marks.boxes[index])
        inside = marks.inside(index, (x - 1, y - 1, width + 2, height + 2))
        straight[index], meeting[index] = _judge_outline(inside, unit)
    return straight if meeting.any() else meeting


def _judge_outline(inside: Mask, unit: float) -> tuple[bool, bool]:
    """Return whether the outline of a mark (h,w) is mostly straight, and whether its sides have two directions."""
    outlines = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
    length = sum(cv2.arcLength(one, closed=True) for one in outlines)
    corners = [cv2.approxPolyDP(one, STRAIGHT * unit, closed=True)[:, 0] for one in outlines]
    sides = np.concatenate([np.roll(one, -1, axis=0) - one for one in corners]).astype(np.float64)
    lengths = np.hypot(*sides.T)
    long = lengths >= max(LONG * unit, SLENDER * 2 * np.count_nonzero(inside) / length)
    sides, lengths = sides[long], lengths[long]
    if lengths.sum() < MOSTLY * length:
        return False, False
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % 180
    apart = np.abs(angles[:, None] - angles)
    apart = np.minimum(apart, 180 - apart)
    parallel = np.count_nonzero(apart < APART / 2, axis=1)
    lines, uncrossed = parallel >= EDGES, (parallel >= EDGES) & (parallel <= PARTED)
    return True, bool((apart[uncrossed][:, lines] >= APART).any())
