"""Compute the learned detector's input: the picture, and how far each pixel stands out from its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Radii in pixels of the squares of the top-hats: dust, scratches, flakes.
RADII = (2, 6, 15)
#: Channels of the input: colours, and a white and a black top-hat of each radius.
CHANNELS = 3 + 2 * len(RADII)
#: Table that amplifies a top-hat four times and saturates at 63.
AMPLIFIED = np.minimum(np.arange(256), 63).astype(np.uint8) * 4


def compute_features(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (9,H,W) uint8 for a picture (H,W,3) uint8 RGB: colour, and amplified white and black top-hats.

    OpenCV computes the top-hats in some milliseconds a megapixel; pooling layers take a hundred times as long.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    result = np.empty((CHANNELS, *grey.shape), np.uint8)
    cv2.split(picture, list(result[:3]))
    for index, radius in enumerate(RADII):
        square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        for plane, how in enumerate((cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT), start=3 + 2 * index):
            cv2.LUT(cv2.morphologyEx(grey, how, square), AMPLIFIED, result[plane])
    return result
