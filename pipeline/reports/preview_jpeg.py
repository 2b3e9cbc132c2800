"""Encode previews as JPEG files of bounded size, so that a report of any length can be mailed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
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
    return preview_jpegs([image], limit, long_side)[0]


def preview_jpegs(images: Iterable[Image], limit: int, long_side: int = 760) -> list[bytes]:
    """Return pictures of one scan as JPEG files of at most `limit` bytes each.

    The first is encoded at the best of `STEPS` that fits, else the last; each further one no better than the one
    before, for they are seen side by side and take about the same.
    """
    found, step = [], 0
    for image in images:
        data, step = _encode(_on_white(image), limit, long_side, step)
        found.append(data)
    return found


def _encode(pixels: NDArray[np.uint8], limit: int, long_side: int, first: int) -> tuple[bytes, int]:
    """Return a picture as JPEG, and the place in `STEPS` at which it fits, `first` or later."""
    from pipeline.imaging.reduce import reduce

    data, taken, place = b"", (0, 1.0), first
    for step, (most, quality, weight) in enumerate(STEPS[first:], first):
        side = min(most, long_side)
        if data and len(data) * (side / taken[0]) ** 2 * weight / taken[1] > limit * 1.5 and side > STEPS[-1][0]:
            continue  # by the size of the last attempt, this one would be too large as well
        data, taken, place = _jpeg(reduce(pixels, side), quality), (side, weight), step
        if len(data) <= limit:
            break
    return data, place


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Return pixels (H,W), or (H,W,3) in BGR, as a JPEG file."""
    import cv2

    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _on_white(image: Image) -> NDArray[np.uint8]:
    """Return pixels (H,W), or (H,W,3) in BGR, on white: JPEG has no transparency, the report no other colour spaces."""
    import cv2
    import numpy as np
    from PIL import Image as Images

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Images.new("RGBA", rgba.size, "white")
        image = Images.alpha_composite(paper, rgba).convert("RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8)
