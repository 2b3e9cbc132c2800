"""Fills of overlapping windows made one: the new pixels of a scan, without seams between windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.grid import sample
from pipeline.engines.interface import FloatImage
from pipeline.engines.pixels import to_float
from pipeline.engines.plan import Window
from pipeline.imaging.rectangles import Rect, bounding_rect

VERSION = 2
"""Increase it when fills are blended differently; it is part of every result's key."""

OVERLAP = 16
"""Pixels (at a window's scale) beyond its core over which a window's weight falls to 0."""

MARGIN = 2
"""Pixels more that are kept, so that enlarging interpolates as it would within the whole window."""

SQUARE = 256
"""Side of the squares in which a patch at a smaller scale is enlarged: memory is for one of them, work for those with
damage."""


@dataclass(frozen=True)
class Patch:
    """The part of a filled window whose pixels have a weight in the result.

    Attributes:
        window: of the scan's plan.
        rect: of the scan, a whole number of patch pixels high and wide; may reach beyond the scan's border.
        scale: pixels of the scan per pixel of the patch.
        pixels: in the steps of a 16-bit scan: as floats they would take twice the memory while they wait. At native
            scale (n,3), those at the damaged pixels of the scan alone, so that what waits follows the damage; else
            (h,w,3), since enlarging needs their neighbours.
    """

    window: Window
    rect: Rect
    scale: int
    pixels: NDArray[np.uint16]


def cut_patch(window: Window, filled: FloatImage, mask: NDArray[np.uint8], seen: Window | None = None) -> Patch:
    """Return the part of a filled window (h,w,3) that the scan needs; the rest can be forgotten.

    Args:
        window: of the scan's plan.
        filled: the engine's result, finite; values beyond 0..1 are clipped.
        mask: (H,W), of the scan, not 0 where damaged.
        seen: the window that was filled in its place, where another was.
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
    kept = filled[top:bottom, left:right]
    if scale == 1:
        inside = rect.grow(0, mask.shape)
        kept = kept[inside.within(rect)][mask[inside.slices] != 0]
    steps = np.float32(np.iinfo(np.uint16).max)
    return Patch(window, rect, scale, np.rint(np.clip(kept, 0, 1) * steps).astype(np.uint16))


def blend(patches: list[Patch], mask: NDArray[np.uint8], field: FloatImage | None) -> FloatImage:
    """Return the blended fill (N,3) in 0..1 of each damaged pixel, in the order of `mask != 0`; (0,3) without patches.

    Each window's weight is 1 in its core and falls to 0 over the overlap; with several levels it is multiplied by the
    level's share at that pixel. A pixel's value is the weighted mean of all fills.

    Args:
        patches: of one scan, in the order of its plan.
        mask: (H,W), not 0 where damaged.
        field: of the plan.
    """
    if not patches:
        return np.empty((0, 3), np.float32)
    places = np.flatnonzero(mask != 0)  # of booleans it is much faster
    total, weight = np.zeros((len(places), 3), np.float32), np.zeros(len(places), np.float32)
    for patch in patches:
        for rect in _parts(patch, mask):
            damaged = mask[rect.slices] != 0
            share = _blend_weight(patch.window, rect, field)[damaged]
            if not share.any():
                continue
            pixels = to_float(patch.pixels[np.newaxis])[0] if patch.scale == 1 else _enlarge(patch, rect)[damaged]
            ranks = _ranks(places, rect, damaged, mask.shape[1])
            pixels *= share[:, np.newaxis]
            total[ranks] += pixels
            weight[ranks] += share
    if not (weight > 0).all():
        raise AssertionError(f"{np.count_nonzero(weight <= 0)} damaged pixels are in no window")
    total /= weight[:, np.newaxis]
    return total


def _parts(patch: Patch, mask: NDArray[np.uint8]) -> Iterator[Rect]:
    """Yield the rectangles of the scan in which the patch is blended: at native scale one with all of its pixels."""
    inside = patch.rect.grow(0, mask.shape)
    for square in [inside] if patch.scale == 1 else _squares(inside):
        shared = inside.intersect(square)
        damage = shared and _damage(mask, shared)
        if damage:
            yield damage


def _squares(rect: Rect) -> Iterator[Rect]:
    """Yield the squares of the scan that a rectangle touches."""
    for top in range(rect.top - rect.top % SQUARE, rect.bottom, SQUARE):
        for left in range(rect.left - rect.left % SQUARE, rect.right, SQUARE):
            yield Rect(top, left, top + SQUARE, left + SQUARE)


def _damage(mask: NDArray[np.uint8], rect: Rect) -> Rect | None:
    """Return the smallest rectangle within one that holds its damage, or `None` where there is none."""
    found = bounding_rect(mask[rect.slices])
    if found is None:
        return None
    return Rect(rect.top + found.top, rect.left + found.left, rect.top + found.bottom, rect.left + found.right)


def _ranks(places: NDArray[np.intp], rect: Rect, damaged: NDArray[np.bool_], width: int) -> NDArray[np.intp]:
    """Return the ranks of a rectangle's damaged pixels among all places (N,) of a scan of that width."""
    counts = damaged.sum(axis=1)
    first = np.searchsorted(places, np.arange(rect.top, rect.bottom) * width + rect.left)
    ranks: NDArray[np.intp] = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return ranks


def _blend_weight(window: Window, rect: Rect, field: FloatImage | None) -> FloatImage:
    """Return a window's weight (h,w) at each pixel of a rectangle."""

    def ramp(start: int, stop: int, first: int, last: int) -> FloatImage:
        at = np.arange(start, stop, dtype=np.float32) + np.float32(0.5)
        outside = np.maximum(np.maximum(first - at, at - last), 0)
        fading: FloatImage = np.maximum(1 - outside / np.float32(OVERLAP * window.scale), 0)
        return fading

    core = window.core
    weight: FloatImage = np.outer(
        ramp(rect.top, rect.bottom, core.top, core.bottom), ramp(rect.left, rect.right, core.left, core.right)
    )
    if field is not None:
        weight *= np.maximum(1 - np.abs(sample(field, *rect.slices) - np.float32(window.level)), 0)
    return weight


def _enlarge(patch: Patch, rect: Rect) -> FloatImage:
    """Return the pixels of a patch at a smaller scale, enlarged, in a rectangle within it."""
    scale = patch.scale
    top, left = (rect.top - patch.rect.top) // scale, (rect.left - patch.rect.left) // scale
    bottom, right = -(-(rect.bottom - patch.rect.top) // scale), -(-(rect.right - patch.rect.left) // scale)
    y, x = max(0, top - MARGIN), max(0, left - MARGIN)
    part = to_float(patch.pixels[y : bottom + MARGIN, x : right + MARGIN])
    wide = cv2.resize(part, (part.shape[1] * scale, part.shape[0] * scale), interpolation=cv2.INTER_CUBIC)
    start_y = rect.top - patch.rect.top - y * scale
    start_x = rect.left - patch.rect.left - x * scale
    cut: FloatImage = np.clip(wide[start_y : start_y + rect.height, start_x : start_x + rect.width], 0, 1)
    return cut
