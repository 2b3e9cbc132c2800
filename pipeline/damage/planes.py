"""What the learned detector is shown: the picture, and how far each pixel stands out from its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Radii in pixels of the squares that top-hats are taken with: dust, scratches, flakes.
RADII = (2, 6, 15)
PLANES = 3 + 2 * len(RADII)


def planes(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns (H,W,9) uint8 for a picture (H,W,3) uint8 RGB: colour, and white and black top-hats, four times raised.

    OpenCV does the top-hats in some milliseconds a megapixel; pooling layers of a network take a hundred times that.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    result = np.empty((*grey.shape, PLANES), np.uint8)
    result[:, :, :3] = picture
    for index, radius in enumerate(RADII):
        square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        white = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, square)
        black = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, square)
        result[:, :, 3 + 2 * index] = np.minimum(white, 63) * 4
        result[:, :, 4 + 2 * index] = np.minimum(black, 63) * 4
    return result
