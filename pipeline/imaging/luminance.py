"""Reduce a scan to the grey picture that detectors work on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Pixels

#: Rows converted at a time.
ROWS = 1024


def luminance(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the scan's luminance (H,W), 8 bit, computed in strips so that memory stays bounded.

    Raises:
        ValueError: the array is not a picture.
    """
    if pixels.ndim not in (2, 3) or pixels.size == 0 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"not a picture: shape {pixels.shape}, {pixels.dtype}")
    planes = 1 if pixels.ndim == 2 else pixels.shape[-1]
    rows, columns = pixels.shape[:2]
    grey = np.empty((rows, columns), np.uint8)
    for top in range(0, rows, ROWS):
        strip = pixels[top : top + ROWS]
        if strip.dtype == np.uint16:
            strip = (strip >> 8).astype(np.uint8)
        if planes >= 3:
            grey[top : top + ROWS] = cv2.cvtColor(np.ascontiguousarray(strip[:, :, :3]), cv2.COLOR_RGB2GRAY)
        else:
            grey[top : top + ROWS] = strip if strip.ndim == 2 else strip[:, :, 0]
    return grey


def find_transparent(pixels: Pixels) -> NDArray[np.bool_] | None:
    """Return where a scan (H,W) is fully transparent, or None where it has no such pixel."""
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        alpha = pixels[:, :, -1]
        if not alpha.all():
            return np.asarray(alpha == 0)
    return None
