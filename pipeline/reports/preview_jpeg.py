"""Encode previews as JPEG files of bounded size, so that a report of any length can be mailed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_TOTAL_BYTES = 16_000_000
"""Bytes of all pictures of a report together; text, fonts and charts need less than 2 MB more."""
MAX_PREVIEW_BYTES = 90_000
# Long side in pixels, JPEG quality, and roughly the bytes per pixel relative to the first step; best first.
# 760 pixels are 340 dpi in a column of 56 mm.
STEPS = (
    (760, 86, 1.0),
    (640, 82, 0.87),
    (540, 78, 0.77),
    (460, 74, 0.70),
    (400, 68, 0.62),
    (340, 60, 0.54),
    (280, 52, 0.48),
    (200, 40, 0.40),
    (140, 30, 0.33),
)


def bytes_per_preview(pictures: int) -> int:
    """Return how many bytes each of `pictures` pictures may take."""
    return min(MAX_PREVIEW_BYTES, MAX_TOTAL_BYTES // max(pictures, 1))


def preview_jpeg(image: Image, limit: int, long_side: int = 760) -> bytes:
    """Return a picture as JPEG of at most `limit` bytes: the best of `STEPS` that fits, else the last."""
    image = _on_white(image)
    data, taken = b"", (0, 1.0)
    for side, quality, weight in STEPS:
        side = min(side, long_side)
        if data and len(data) * (side / taken[0]) ** 2 * weight / taken[1] > limit * 1.5 and side > STEPS[-1][0]:
            continue  # by the size of the last attempt, this one would be too large as well
        image = _reduced(image, side)
        target = io.BytesIO()
        image.save(target, "JPEG", quality=quality)
        data, taken = target.getvalue(), (side, weight)
        if len(data) <= limit:
            break
    return data


def _reduced(image: Image, side: int) -> Image:
    """Return a picture in grey or RGB whose longer side is at most `side`.

    Down to a half, two pixels each way hold all of the picture: that looks like an average, in a sixth of its time.
    """
    import cv2
    import numpy as np
    from PIL import Image as Images

    factor = side / max(image.size)
    if factor >= 1:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    how = cv2.INTER_LINEAR if factor >= 0.5 else cv2.INTER_AREA
    return Images.fromarray(cv2.resize(np.asarray(image), size, interpolation=how))


def _on_white(image: Image) -> Image:
    """Return a copy in grey or RGB on white: JPEG has no transparency, and the report no other colour spaces."""
    from PIL import Image as Images

    if image.mode in ("L", "RGB"):
        return image.copy()
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Images.new("RGBA", rgba.size, "white")
        return Images.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")
