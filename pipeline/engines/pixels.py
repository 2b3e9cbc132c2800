"""Convert pixels of any kind of scan to the three float channels that engines take."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.interface import FloatImage

ROWS = 256


def to_float(pixels: NDArray[Any]) -> FloatImage:
    """Return pixels as (H,W,3) float32, integers scaled to 0..1; grey is repeated, an alpha channel left out.

    Args:
        pixels: (H,W) or (H,W,C) with 1 (grey), 2 (grey and alpha), 3 or 4 (with alpha) channels; uint8, uint16 or
            floating point (taken as it is, non-finite values included).
    """
    if pixels.ndim == 3:
        pixels = pixels[:, :, :1] if pixels.shape[2] < 3 else pixels[:, :, :3]
    else:
        pixels = pixels[:, :, np.newaxis]
    values = pixels.astype(np.float32)
    if np.issubdtype(pixels.dtype, np.integer):
        values /= np.float32(np.iinfo(pixels.dtype).max)
    return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


def canonical(mask: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a mask (H,W) as uint8 with 255 where it is not 0, contiguous; itself where it is that already."""
    if mask.ndim != 2:
        raise ValueError(f"a mask has two dimensions, not {mask.ndim}")
    if mask.dtype == np.uint8 and mask.flags.c_contiguous and _is_canonical(mask):
        return mask
    return np.ascontiguousarray(np.where(mask != 0, np.uint8(255), np.uint8(0)))


def _is_canonical(mask: NDArray[np.uint8]) -> bool:
    """Return whether a mask has no other values than 0 and 255; counted in strips, which need no plane of their own."""
    strips = (mask[top : top + ROWS] for top in range(0, len(mask), ROWS))
    return all(cv2.countNonZero(strip) == np.count_nonzero(strip == 255) for strip in strips)
