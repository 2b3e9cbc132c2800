"""Convert values of 1 to 15 bits to the full range of 8 or 16 bits and back, each to exactly one value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Depths that are stored as they are decoded.
WHOLE = (8, 16)


def to_full_range(levels: NDArray[Any], bits: int) -> Any:
    """Return levels of 1 to 16 bits scaled to the full range of uint8 or uint16, in the same order of values."""
    if bits == 1:
        return levels.astype(np.uint8) * np.uint8(255)
    if bits < 8:
        return (levels.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    if 8 < bits < 16:
        return (levels.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
    return levels


def to_levels(pixels: NDArray[Any], bits: int) -> NDArray[np.uint16]:
    """Return the nearest levels of some bits for pixels at full range: what `to_full_range` was given."""
    full, top = int(np.iinfo(pixels.dtype).max), 2**bits - 1
    levels: NDArray[np.uint16] = ((pixels.astype(np.uint32) * top + full // 2) // full).astype(np.uint16)
    return levels


def are_levels(pixels: NDArray[Any], bits: int) -> bool:
    """Return whether all pixels are values that some bits can store; row by row, to need little memory."""
    return all(np.array_equal(to_full_range(to_levels(row, bits), bits), row) for row in pixels)


def packed(levels: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """Return rows (H,B) of levels (H,W) or (H,W,C), bit after bit, each row padded to whole bytes."""
    rows = np.ascontiguousarray(levels).reshape(len(levels), -1)
    each = np.unpackbits(rows.astype(">u2").view(np.uint8).reshape(*rows.shape, 2), axis=-1)[..., 16 - bits :]
    return np.packbits(each.reshape(len(levels), -1), axis=1)
