"""Types of arrays of pixels, named once for the whole library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: A scan's pixels at full depth, (H,W) or (H,W,C).
Pixels = NDArray[np.uint8] | NDArray[np.uint16]

#: A photograph in 8-bit RGB, (H,W,3).
Picture = NDArray[np.uint8]

#: (H,W) uint8: 255 = damaged, 0 = intact.
Mask = NDArray[np.uint8]

#: (H,W) bool: true where a picture is missing and is to be filled.
Hole = NDArray[np.bool_]

#: A rectangle of pixels: x, y, width, height.
Box = tuple[int, int, int, int]
