"""Encode masks as PNG files."""

from __future__ import annotations

import io

from PIL import Image

from pipeline.imaging.types import Mask


def encode_mask(mask: Mask) -> bytes:
    """Return a mask (H,W) uint8 as an 8-bit grey PNG file; the same mask gives the same bytes."""
    target = io.BytesIO()
    Image.fromarray(mask).save(target, "PNG", compress_level=6)
    return target.getvalue()
