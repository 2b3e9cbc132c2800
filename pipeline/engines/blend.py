"""Fills of overlapping windows made one: the new pixels of a scan, without seams between windows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.grid import sample
from pipeline.engines.interface import FloatImage
from pipeline.engines.pixels import to_float
from pipeline.engines.plan import Window
from pipeline.imaging.rectangles import Rect

VERSION = 2
"""Increase it when fills are blended differently; it is part of every result's key."""

OVERLAP = 16
"""Pixels (at a window's scale) beyond its core over which a window's weight falls to 0."""

MARGIN = 2
"""Pixels more that are kept, so that enlarging interpolates as it would within the whole window."""

SQUARE = 256
"""Side of the squares of the scan that are blended one by one: memory is for one square, work for damaged ones only."""


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
        firsts: (h+1,) at native scale the number of damaged pixels above each row of the patch that is in the scan.
    """

    window: Window
    rect: Rect
    scale: int
    pixels: NDArray[np.uint16]
    firsts: NDArray[np.int64]


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
    kept, firsts = filled[top:bottom, left:right], np.empty(0, np.int64)
    if scale == 1:
        inside = rect.grow(0, mask.shape)
        damaged = mask[inside.slices] != 0
        kept = kept[inside.within(rect)][damaged]
        firsts = np.concatenate(([0], np.cumsum(damaged.sum(axis=1))))
    steps = np.float32(np.iinfo(np.uint16).max)
    return Patch(window, rect, scale, np.rint(np.clip(kept, 0, 1) * steps).astype(np.uint16), firsts)


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
    index: dict[tuple[int, int], list[Patch]] = defaultdict(list)
    for patch in patches:
        for square in _squares(patch.rect):
            index[square].append(patch)
    places = np.flatnonzero(mask)
    pixels = np.empty((len(places), 3), np.float32)
    mixed = 0
    for (row, column), near in index.items():
        whole = Rect(row * SQUARE, column * SQUARE, (row + 1) * SQUARE, (column + 1) * SQUARE)
        rect = _damage(mask, whole.grow(0, mask.shape))
        if rect is not None:
            damaged = mask[rect.slices] != 0
            part = _mix(near, rect, mask, field)
            pixels[_ranks(places, rect, damaged, mask.shape[1])] = part
            mixed += len(part)
    if mixed != len(places):
        raise AssertionError(f"{len(places) - mixed} damaged pixels are in no window")
    return pixels


def _squares(rect: Rect) -> list[tuple[int, int]]:
    rows = range(rect.top // SQUARE, (rect.bottom - 1) // SQUARE + 1)
    columns = range(rect.left // SQUARE, (rect.right - 1) // SQUARE + 1)
    return [(row, column) for row in rows for column in columns]


def _damage(mask: NDArray[np.uint8], rect: Rect) -> Rect | None:
    """Return the smallest rectangle within one that holds its damage, or ``None`` where there is none."""
    if rect.height <= 0 or rect.width <= 0:
        return None  # beyond the scan, where small scans are continued
    left, top, width, height = cv2.boundingRect(mask[rect.slices])
    if not width:
        return None
    return Rect(rect.top + top, rect.left + left, rect.top + top + height, rect.left + left + width)


def _ranks(places: NDArray[np.intp], rect: Rect, damaged: NDArray[np.bool_], width: int) -> NDArray[np.intp]:
    """Return the ranks of a rectangle's damaged pixels among all places (N,) of a scan of that width."""
    counts = damaged.sum(axis=1)
    first = np.searchsorted(places, np.arange(rect.top, rect.bottom) * width + rect.left)
    ranks: NDArray[np.intp] = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return ranks


def _mix(patches: list[Patch], rect: Rect, mask: NDArray[np.uint8], field: FloatImage | None) -> FloatImage:
    """Return the weighted mean (n,3) of the patches at the damaged pixels of a rectangle."""
    damaged = mask[rect.slices] != 0
    total = np.zeros((rect.height, rect.width, 3), np.float32)
    weight = np.zeros((rect.height, rect.width), np.float32)
    for patch in patches:
        shared = rect.intersect(patch.rect)
        if shared is None:
            continue
        share = _blend_weight(patch.window, shared, field)
        if share.any():
            at = shared.within(rect)
            total[at] += _at_native_scale(patch, shared, mask) * share[:, :, np.newaxis]
            weight[at] += share
    if not (weight[damaged] > 0).all():
        raise AssertionError(f"damaged pixels within {rect} are in no window")
    mixed: FloatImage = total[damaged] / weight[damaged][:, np.newaxis]
    return mixed


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


def _at_native_scale(patch: Patch, rect: Rect, mask: NDArray[np.uint8]) -> FloatImage:
    """Return the patch's pixels (h,w,3) in a rectangle within it and the scan, right where the scan is damaged."""
    if patch.scale > 1:
        return _enlarge(patch, rect)
    inside = patch.rect.grow(0, mask.shape)
    damaged = mask[rect.top : rect.bottom, inside.left : inside.right] != 0
    first, last = patch.firsts[rect.top - inside.top], patch.firsts[rect.bottom - inside.top]
    wide = np.zeros((*damaged.shape, 3), np.float32)
    wide[damaged] = to_float(patch.pixels[np.newaxis, first:last])[0]
    return wide[:, rect.left - inside.left : rect.right - inside.left]


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
