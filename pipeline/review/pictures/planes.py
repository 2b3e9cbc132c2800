"""Read the masks of results as connected components, and keep those that were looked at last."""

from __future__ import annotations

import threading
from functools import lru_cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray

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
        plane: NDArray[np.uint8] | None = None
        for uri, _ in files:
            mask = _decode(uri)
            if upright(mask, orientation).shape != shape:
                raise ValueError(f"{uri} is {mask.shape} large, its scan {shape}; restore the scan again")
            plane = mask if plane is None else np.maximum(plane, mask, out=plane)
            del mask
        if plane is None:
            return connected_components(np.zeros(shape, np.uint8), HALF)
        return connected_components(upright(plane, orientation), HALF)


def _decode(uri: str) -> NDArray[np.uint8]:
    """Return a mask (H,W), decoded straight into its plane: OpenCV would take two of them."""
    try:
        return np.asarray(imagecodecs.png_decode(storage.read_bytes(uri)), np.uint8)
    except (imagecodecs.PngError, ValueError) as error:
        raise ValueError(f"{uri} is no mask that can be read; restore the scan again") from error
