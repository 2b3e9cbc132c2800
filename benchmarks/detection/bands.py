"""Recall by appearance of the damage: lighter or darker than its surroundings, faint or strong, thin or wide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.detection.scores import Plane
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.resolution import stroke_width
from pipeline.metrics.tolerance import tolerated

#: Upper limits in grey levels between a piece and the ring around it, and in pixels of its greatest width.
CONTRASTS = {"contrast < 10": 10.0, "contrast 10-25": 25.0, "contrast 25-60": 60.0, "contrast > 60": 1e9}
WIDTHS = {"width <= 2 px": 2.5, "width 3-6 px": 6.5, "width 7-16 px": 16.5, "width > 16 px": 1e9}
RING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
REACH = 6


class Bands:
    """Damaged and found pixels by band, over pictures."""

    def __init__(self) -> None:
        self._damaged: dict[str, int] = defaultdict(int)
        self._found: dict[str, int] = defaultdict(int)

    def add(self, mask: Plane, truth: Plane, grey: Plane) -> None:
        """Count one picture: what was marked, the truth, and the damaged picture's luminance, each (H,W)."""
        found = (truth > 0) & (tolerated(mask) > 0)
        for names, place, inside in pieces(truth, grey):
            for name in names:
                self._damaged[name] += int(np.count_nonzero(inside))
                self._found[name] += int(np.count_nonzero(found[place] & inside))

    def recalls(self) -> dict[str, float]:
        """Return the recall of each band that was met, in the order of the bands."""
        order = ("lighter", "darker", *CONTRASTS, *WIDTHS)
        return {name: round(self._found[name] / self._damaged[name], 4) for name in order if self._damaged[name]}


def pieces(truth: Plane, grey: Plane) -> Iterator[tuple[list[str], tuple[slice, slice], np.ndarray]]:
    """Yield each connected piece of damage: its bands, the slices around it, and its pixels in them."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((truth > 0).astype(np.uint8), connectivity=8)
    for index in range(1, count):
        x, y, width, height = (int(value) for value in stats[index, :4])
        top, left = max(0, y - REACH), max(0, x - REACH)
        place = (slice(top, y + height + REACH), slice(left, x + width + REACH))
        inside = labels[place] == index
        ring = (cv2.dilate(inside.astype(np.uint8), RING) > 0) & (truth[place] == 0)
        thick = stroke_width(connected_components(inside), 0)
        names = [next(name for name, limit in WIDTHS.items() if thick <= limit)]
        if ring.any():
            step = float(np.median(grey[place][inside])) - float(np.median(grey[place][ring]))
            names.append("lighter" if step > 0 else "darker")
            names.append(next(name for name, limit in CONTRASTS.items() if abs(step) <= limit))
        yield names, place, inside
