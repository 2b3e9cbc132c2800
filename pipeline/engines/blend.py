"""Fills of overlapping windows made one: the new pixels of a scan, without seams between windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.grid import sample
from pipeline.engines.interface import FloatImage, Rect
from pipeline.engines.pixels import to_float
from pipeline.engines.plan import Window

OVERLAP = 16
"""Pixels (at a window's scale) beyond its core over which a window's say fades to nothing."""

MARGIN = 2
"""Pixels more that are kept, so that enlarging interpolates as it would within the whole window."""

BUCKET = 1024
"""Side of the squares by which neighbouring windows are found."""


@dataclass(frozen=True)
class Patch:
    """What is kept of a filled window: the pixels for which it has a say.

    Attributes:
        window: of the scan's plan.
        rect: of the scan, a whole number of patch pixels high and wide; may reach beyond the scan's border.
        scale: pixels of the scan per pixel of the patch.
        pixels: (h,w,3).
    """

    window: Window
    rect: Rect
    scale: int
    pixels: FloatImage


def keep(window: Window, filled: FloatImage, seen: Window | None = None) -> Patch:
    """Returns the part of a filled window (h,w,3) that the scan needs; the rest can be forgotten.

    Args:
        window: of the scan's plan.
        filled: what the engine made of it.
        seen: the window that the engine was shown instead, where it was another.
    """
    shown = seen or window
    scale = shown.scale
    outer, core = shown.rect, window.core
    top = max(0, (core.top - outer.top) // scale - OVERLAP - MARGIN)
    left = max(0, (core.left - outer.left) // scale - OVERLAP - MARGIN)
    bottom = min(filled.shape[0], -(-(core.bottom - outer.top) // scale) + OVERLAP + MARGIN)
    right = min(filled.shape[1], -(-(core.right - outer.left) // scale) + OVERLAP + MARGIN)
    rect = Rect(
        outer.top + top * scale, outer.left + left * scale, outer.top + bottom * scale, outer.left + right * scale
    )
    return Patch(window, rect, scale, filled[top:bottom, left:right].copy())


def blend(
    patches: list[Patch], colour: NDArray[Any], mask: NDArray[np.uint8], field: FloatImage | None
) -> Iterator[tuple[Rect, FloatImage]]:
    """Yields for each window its core and the pixels there: the scan's own outside the mask, the mixed fill inside.

    Each window's say is 1 in its core and falls to 0 over the overlap; with several levels it is multiplied by the
    level's share at that pixel. A pixel's value is the mean of all fills by their say, whatever window it is yielded
    with.

    Args:
        patches: of one scan, in the order of its plan.
        colour: the scan, any kind that :func:`to_float` takes.
        mask: (H,W), not 0 where damaged.
        field: of the plan.
    """
    index: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, patch in enumerate(patches):
        for square in _squares(patch.rect):
            index[square].append(number)
    for patch in patches:
        core = patch.window.core
        near = sorted({number for square in _squares(core) for number in index[square]})
        damaged = mask[core.slices] != 0
        total = np.zeros((core.height, core.width, 3), np.float32)
        weight = np.zeros((core.height, core.width), np.float32)
        for number in near:
            other = patches[number]
            shared = core.meet(other.rect)
            if shared is None:
                continue
            say = _say(other.window, shared, field)
            if not say.any():
                continue
            at = shared.within(core)
            total[at] += _enlarge(other, shared) * say[:, :, np.newaxis]
            weight[at] += say
        if not (weight[damaged] > 0).all():
            raise AssertionError(f"damaged pixels within {core} lie in no window")
        pixels = to_float(colour[core.slices])
        pixels[damaged] = total[damaged] / weight[damaged][:, np.newaxis]
        yield core, pixels


def _squares(rect: Rect) -> list[tuple[int, int]]:
    rows = range(rect.top // BUCKET, (rect.bottom - 1) // BUCKET + 1)
    columns = range(rect.left // BUCKET, (rect.right - 1) // BUCKET + 1)
    return [(row, column) for row in rows for column in columns]


def _say(window: Window, rect: Rect, field: FloatImage | None) -> FloatImage:
    """Returns a window's say (h,w) at each pixel of a rectangle."""

    def ramp(start: int, stop: int, first: int, last: int) -> FloatImage:
        at = np.arange(start, stop, dtype=np.float32) + np.float32(0.5)
        outside = np.maximum(np.maximum(first - at, at - last), 0)
        fading: FloatImage = np.maximum(1 - outside / np.float32(OVERLAP * window.scale), 0)
        return fading

    core = window.core
    say: FloatImage = np.outer(
        ramp(rect.top, rect.bottom, core.top, core.bottom), ramp(rect.left, rect.right, core.left, core.right)
    )
    if field is not None:
        say *= np.maximum(1 - np.abs(sample(field, *rect.slices) - np.float32(window.level)), 0)
    return say


def _enlarge(patch: Patch, rect: Rect) -> FloatImage:
    """Returns the patch's pixels at native scale in a rectangle within it."""
    scale = patch.scale
    if scale == 1:
        return patch.pixels[rect.within(patch.rect)]
    top, left = (rect.top - patch.rect.top) // scale, (rect.left - patch.rect.left) // scale
    bottom, right = -(-(rect.bottom - patch.rect.top) // scale), -(-(rect.right - patch.rect.left) // scale)
    y, x = max(0, top - MARGIN), max(0, left - MARGIN)
    part = patch.pixels[y : bottom + MARGIN, x : right + MARGIN]
    wide = cv2.resize(part, (part.shape[1] * scale, part.shape[0] * scale), interpolation=cv2.INTER_CUBIC)
    start_y = rect.top - patch.rect.top - y * scale
    start_x = rect.left - patch.rect.left - x * scale
    cut: FloatImage = np.clip(wide[start_y : start_y + rect.height, start_x : start_x + rect.width], 0, 1)
    return cut
