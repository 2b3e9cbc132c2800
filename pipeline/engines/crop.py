"""Cut the pixels and holes of one window out of a scan, at the window's scale."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.interface import BoolMask, FloatImage
from pipeline.engines.pixels import to_float
from pipeline.engines.plan import Window
from pipeline.imaging.mapped import release
from pipeline.imaging.rectangles import Rect

VERSION = 2
"""Increase it when windows are cut differently; it is part of every result's key."""

STRIP_PIXELS = 1 << 20
"""Pixels of the scan that are held as floats while a large window is shrunk."""


def crop(colour: NDArray[Any], mask: NDArray[np.uint8], window: Window) -> tuple[FloatImage, BoolMask]:
    """Return image (h,w,3) float32 in 0..1, zero in the holes, and holes (h,w) of one window.

    Pixels that are not finite count as holes, values beyond 0..1 are clipped. A shrunk window averages the intact
    pixels of each block; a block is a hole when more than half of it is missing.

    Args:
        colour: the scan, any kind that :func:`to_float` takes.
        mask: (H,W), not 0 where damaged.
        window: of the scan's plan.
    """
    if window.scale == 1:
        return _cut(colour, mask, window.rect)
    rect, scale = window.rect, window.scale
    # Only the scan is shrunk; the reflection beyond it is made at the small size.
    rows, columns = (
        min(side, -(-(end - start) // scale))
        for side, start, end in zip(window.shape, (rect.top, rect.left), mask.shape, strict=True)
    )
    image = np.empty((rows, columns, 3), np.float32)
    share = np.empty((rows, columns), np.float32)
    strip = max(1, STRIP_PIXELS // (columns * scale * scale))
    for start in range(0, rows, strip):
        stop = min(rows, start + strip)
        part = Rect(rect.top + start * scale, rect.left, rect.top + stop * scale, rect.left + columns * scale)
        pixels, holes = _cut(colour, mask, part)
        # A much shrunk window shows a large part of the scan.
        release(colour)
        blocks = pixels.reshape(stop - start, scale, columns, scale, 3)
        known = _sum_blocks((~holes).reshape(stop - start, scale, columns, scale))
        image[start:stop] = _sum_blocks(blocks) / np.maximum(known, 1)[:, :, np.newaxis]
        share[start:stop] = known / (scale * scale)
    if (rows, columns) != window.shape:
        index = np.ix_(_reflect(0, window.shape[0], rows), _reflect(0, window.shape[1], columns))
        image, share = image[index], share[index]
    holes = share < 0.5
    if holes.all():
        holes = share <= 0
    image[holes] = 0
    return image, holes


def _sum_blocks(blocks: NDArray[Any]) -> FloatImage:
    """Return the sum of each block (h,w,…), of (h,scale,w,scale,…), added row by row.

    As NumPy's sum over two axes adds up, to the last bit, in a third of the time.
    """
    scale = blocks.shape[1]
    result = blocks[:, 0, :, 0].astype(np.float32)
    for row, column in list(product(range(scale), repeat=2))[1:]:
        result += blocks[:, row, :, column]
    return result


def _cut(colour: NDArray[Any], mask: NDArray[np.uint8], rect: Rect) -> tuple[FloatImage, BoolMask]:
    """Return image and holes of a rectangle at native scale, reflected where it reaches beyond the scan."""
    height, width = mask.shape
    if rect.top >= 0 and rect.left >= 0 and rect.bottom <= height and rect.right <= width:
        image = to_float(colour[rect.slices])
        holes = mask[rect.slices] != 0
    else:
        index = np.ix_(_reflect(rect.top, rect.bottom, height), _reflect(rect.left, rect.right, width))
        image = to_float(colour[index])
        holes = mask[index] != 0
    if np.issubdtype(colour.dtype, np.floating):
        holes = holes | ~np.isfinite(image).all(axis=2)
        np.clip(image, 0, 1, out=image)
    image[holes] = 0
    return image, holes


def _reflect(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Return indices start..stop folded into 0..size-1, the edge repeated, so that one pixel is enough."""
    index = np.arange(start, stop, dtype=np.intp) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)
