"""Read the masks of results as connected components, and keep those that were looked at last."""

from __future__ import annotations

import threading
from functools import lru_cache

import cv2
import numpy as np

from pipeline import storage
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.orientation import upright

KEPT = 24
"""Masks that are kept; each takes memory for what is marked, not for the scan."""
HALF = 128
# The plane of a large scan takes as many bytes as it has pixels: one at a time.
_decoding = threading.Lock()
MaskFile = tuple[str, str]
"""URI and sha256 of a mask."""


@lru_cache(maxsize=KEPT)
def read_components(files: tuple[MaskFile, ...], orientation: int, shape: tuple[int, int]) -> ConnectedComponents:
    """Return what is marked in any of some masks, upright.

    Args:
        files: 8-bit PNG files of this program with the rows and columns of the scan.
        orientation: EXIF orientation of the scan.
        shape: rows and columns of the upright picture, for no masks at all.

    Raises:
        FileNotFoundError: a mask is gone.
        ValueError: a mask cannot be read, or is not as large as the scan.
        StoreUnavailable: the store did not answer.
    """
    with _decoding:
        plane: np.ndarray | None = None
        for uri, _ in files:
            data = np.frombuffer(storage.read_bytes(uri), np.uint8)
            mask = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
            if mask is None:
                raise ValueError(f"{uri} is no mask that can be read; restore the scan again")
            if plane is not None:
                np.maximum(plane, mask, out=mask)
            plane = np.asarray(mask, np.uint8)
        if plane is None:
            return connected_components(np.zeros(shape, np.uint8), HALF)
        seen = upright(plane, orientation)
        if seen.shape != shape:
            raise ValueError(f"{files[0][0]} is {seen.shape} large, its scan {shape}; restore the scan again")
        return connected_components(seen, HALF)
