"""The tolerance with which masks are compared, since a soft edge has no exact end."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TOLERANCE = 2
"""Largest distance in pixels at which two marks still agree."""

_NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE + 1, 2 * TOLERANCE + 1))


def tolerated(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H,W) the highest value within 2 px of each pixel.

    Of the truth, it is not 0 where a mark is right; of a mask, where damage is found; of probabilities, it is the
    highest threshold at which damage is found.

    Args:
        plane: (H,W), a mask or probabilities.
    """
    return np.asarray(cv2.dilate(plane, _NEAR), np.uint8)
