"""Encode masks as PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.imaging.types import Mask


def encode_mask(mask: Mask, text: Mapping[str, str] | None = None, *, level: int = 6) -> bytes:
    """Return a mask (H,W) uint8 as an 8-bit grey PNG file; the same mask gives the same bytes.

    Args:
        text: is kept in text chunks, by keyword.
        level: of compression, 1 (fast) to 9 (small).
    """
    target = io.BytesIO()
    chunks = PngInfo()
    for keyword, value in (text or {}).items():
        chunks.add_itxt(keyword, value)
    Image.fromarray(mask).save(target, "PNG", compress_level=level, pnginfo=chunks)
    return target.getvalue()
