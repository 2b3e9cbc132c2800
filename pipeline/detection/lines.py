"""Tell lines from spots."""

from __future__ import annotations

import numpy as np

from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.resolution import stroke_width


def is_line(components: ConnectedComponents, index: int, widest: float, elongated: float) -> bool:
    """Return whether a component is at most `widest` pixels wide, and `elongated` times as long.

    It is as long as its area at that width, or as its box from corner to corner.
    """
    area, diagonal = float(components.areas[index]), float(np.hypot(*components.boxes[index, 2:]))
    width = stroke_width(components, index)
    return bool(width <= widest and max(area / width, diagonal) > elongated * width)
