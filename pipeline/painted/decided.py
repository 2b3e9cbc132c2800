"""Read a mask that a person decided in review: it says who, and is taken as it is."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pipeline.painted.read import PaintedMask

DECIDED_BY = "Restoration-Decided-By"
"""Text chunk of a PNG file with the name of the person; no mask from elsewhere has it."""


def read_decided(data: bytes, shape: tuple[int, int]) -> PaintedMask | None:
    """Return a decided mask, 255 = damage, rows and columns as the scan is stored; None for any other file.

    Args:
        data: the mask's file.
        shape: rows and columns of the scan.
    """
    if DECIDED_BY.encode() not in data[:4096]:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            # Before the text chunks, which Pillow reads with all pixels.
            if picture.size != shape[::-1]:
                return None
            who = getattr(picture, "text", {}).get(DECIDED_BY)
            mask = np.asarray(picture.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if who is None:
        return None
    marked = np.where(mask > 127, np.uint8(255), np.uint8(0))
    return PaintedMask(marked, f"the marks were decided by {who}", decided=True)
