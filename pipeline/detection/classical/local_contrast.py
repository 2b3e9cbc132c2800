"""Measure how far each pixel stands out from its surroundings, at several scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Field = NDArray[np.float32]

#: Side of tiles, and the margin searched around each.
TILE, OVERLAP = 1536, 48
#: Halving ends below this short side: what is broad there is part of the picture.
COARSEST = 400
#: Contrast in grey levels below which nothing is damage, and how much a busy neighbourhood adds to that.
FLOOR, TEXTURE = 12.0, 3.0
#: Grey levels at which one pixel's contribution to the busyness of its neighbourhood is capped.
BUSY_CAP = 8
#: Scores are stored as 8-bit integers of this fraction.
STEP = 32


@dataclass(frozen=True)
class LocalContrast:
    """Local contrast of one polarity; all (H,W) uint8.

    Attributes:
        score: contrast over the threshold that holds there, in 1/32.
        contrast: grey levels above (or below) the surroundings.
        busy: busyness of the neighbourhood, in 1/8 grey levels.
    """

    score: Plane
    contrast: Plane
    busy: Plane


@lru_cache(maxsize=4)
def _line_kernels(length: int, directions: int) -> tuple[Field, ...]:
    """Return line kernels of `length` pixels, one per direction, each of sum 1."""
    half = length // 2
    kernels = []
    for index in range(directions):
        angle = np.pi * index / directions
        reach = np.array([np.cos(angle), np.sin(angle)]) * half
        kernel = np.zeros((length, length), np.uint8)
        start, end = np.round((half - reach) * 16).astype(int), np.round((half + reach) * 16).astype(int)
        cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 255, 1, cv2.LINE_AA, 4)
        kernels.append((kernel / kernel.sum()).astype(np.float32))
    return tuple(kernels)


def local_contrast(grey: Plane) -> tuple[LocalContrast, LocalContrast]:
    """Return what is brighter, and what is darker, than its surroundings.

    The picture is searched at its own size and at halves of it, so that a hairline and a broad crack are both thin at
    some level; each level is processed in tiles, which bounds memory.
    """
    bright, dark = (LocalContrast(*(np.zeros_like(grey) for _ in range(3))) for _ in range(2))
    level, scale = grey, 1
    while True:
        _scan_level(level, scale, bright, dark)
        if min(level.shape) < COARSEST:
            return bright, dark
        half = (level.shape[1] // 2, level.shape[0] // 2)
        level = np.asarray(cv2.resize(level, half, interpolation=cv2.INTER_AREA), np.uint8)
        scale *= 2


def _scan_level(level: Plane, scale: int, bright: LocalContrast, dark: LocalContrast) -> None:
    rows, columns = level.shape
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            bottom, right = min(rows, top + TILE), min(columns, left + TILE)
            outer = (
                max(0, top - OVERLAP),
                min(rows, bottom + OVERLAP),
                max(0, left - OVERLAP),
                min(columns, right + OVERLAP),
            )
            found = _tile(level[outer[0] : outer[1], outer[2] : outer[3]])
            inner = (slice(top - outer[0], bottom - outer[0]), slice(left - outer[2], right - outer[2]))
            for target, source in zip((bright, dark), found, strict=True):
                _merge(target, source, inner, (top, bottom, left, right), scale)


def _merge(
    target: LocalContrast, source: LocalContrast, inner: tuple[slice, slice], box: tuple[int, int, int, int], scale: int
) -> None:
    """Write a tile's planes into the result, keeping for each pixel the level at which it stands out most."""
    rows, columns = target.score.shape
    top, bottom, left, right = box
    last_row, last_column = rows // scale, columns // scale
    area = (
        slice(top * scale, rows if bottom == last_row else bottom * scale),
        slice(left * scale, columns if right == last_column else right * scale),
    )
    planes = [plane[inner] for plane in (source.score, source.contrast, source.busy)]
    if scale > 1:
        size = (area[1].stop - area[1].start, area[0].stop - area[0].start)
        planes = [np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8) for plane in planes]
    score = target.score[area]
    better = planes[0] > score
    for plane, found in zip((score, target.contrast[area], target.busy[area]), planes, strict=True):
        np.copyto(plane, found, where=better)


def _tile(grey: Plane) -> tuple[LocalContrast, LocalContrast]:
    quiet = cv2.GaussianBlur(grey, (3, 3), 0)
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    above = cv2.subtract(quiet, cv2.morphologyEx(quiet, cv2.MORPH_OPEN, ball))
    below = cv2.subtract(cv2.morphologyEx(quiet, cv2.MORPH_CLOSE, ball), quiet)
    signed = above.astype(np.float32) - below
    highest, lowest = _lines(signed)
    busyness = np.minimum(above, BUSY_CAP).astype(np.float32) + np.minimum(below, BUSY_CAP)
    busy = cv2.boxFilter(busyness, -1, (41, 41))
    threshold = np.float32(FLOOR) + np.float32(TEXTURE) * busy
    busy_plane = np.clip(busy * 8, 0, 255).astype(np.uint8)
    results = []
    for peak, line in ((above, highest), (below, -lowest)):
        # A faint scratch is weak at each pixel and strong along its run.
        along = np.where(peak * np.float32(2.5) > line, line * np.float32(1.8), 0)
        score = np.maximum(peak, along) / threshold
        results.append(
            LocalContrast(np.clip(score * STEP, 0, 255).astype(np.uint8), np.asarray(peak, np.uint8), busy_plane)
        )
    return results[0], results[1]


def _lines(signed: Field) -> tuple[Field, Field]:
    """Return the highest and lowest mean along a short line through each pixel, over all directions (at half size)."""
    half = cv2.resize(
        signed, (max(1, signed.shape[1] // 2), max(1, signed.shape[0] // 2)), interpolation=cv2.INTER_AREA
    )
    highest = np.full_like(half, -255)
    lowest = np.full_like(half, 255)
    for kernel in _line_kernels(17, 12):
        mean = cv2.filter2D(half, -1, kernel)
        np.maximum(highest, mean, out=highest)
        np.minimum(lowest, mean, out=lowest)
    size = (signed.shape[1], signed.shape[0])
    return np.asarray(cv2.resize(highest, size), np.float32), np.asarray(cv2.resize(lowest, size), np.float32)
