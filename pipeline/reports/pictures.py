"""Previews as JPEG files of bounded size, so that a report of any length can be mailed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

TOTAL = 16_000_000
"""Bytes that all pictures of one report may take together; text, fonts and charts need less than 2 MB more."""
LARGEST = 90_000
SMALLEST = 6_000
# Long side in pixels and JPEG quality, best first. 760 pixels are 340 dpi in a column of 56 mm.
LADDER = ((760, 86), (640, 82), (540, 78), (460, 74), (400, 68), (340, 60), (280, 52), (200, 40), (140, 30))


def budget(pictures: int) -> int:
    """Returns how many bytes each of that many pictures may take."""
    return max(SMALLEST, min(LARGEST, TOTAL // max(pictures, 1)))


def jpeg(image: Image, limit: int, long_side: int = 760) -> bytes:
    """Returns a picture as JPEG of at most `limit` bytes: the best step of the ladder that fits, else the last."""
    data = b""
    flat = _flat(image)
    for side, quality in LADDER:
        small = flat.copy()
        small.thumbnail((min(side, long_side), min(side, long_side)), reducing_gap=2.0)
        target = io.BytesIO()
        small.save(target, "JPEG", quality=quality, optimize=True)
        data = target.getvalue()
        if len(data) <= limit:
            break
    return data


def _flat(image: Image) -> Image:
    """Returns a picture in grey or RGB on white: JPEG knows no transparency, and print no other colours."""
    from PIL import Image as Images

    if image.mode in ("L", "RGB"):
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Images.new("RGBA", rgba.size, "white")
        return Images.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")
