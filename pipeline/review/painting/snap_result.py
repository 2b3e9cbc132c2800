"""Snap a stroke on a result's picture, a broad one on a smaller level of it."""

from __future__ import annotations

import numpy as np

from pipeline.imaging.tile_levels import level_size, levels_of
from pipeline.review.painting.snap import snap_stroke, stroke_box
from pipeline.review.painting.strokes import Stroke
from pipeline.review.pictures.marks import runs_of
from pipeline.review.pictures.sources import Source
from pipeline.review.pictures.tiles import Picture, TileStore
from pipeline.review.pictures.window import grey_window

MOST_PIXELS, WIDEST = 1_000_000, 40.0
"""Pixels around a stroke, and width of the brush, above which a smaller level is searched: a person waits for it."""


def snap_on(tiles: TileStore, picture: Picture, source: Source, stroke: Stroke) -> list[int]:
    """Return the mark under a rough stroke as runs at the picture's own size; none where the stroke is off it.

    A mark that a broad brush means is coarse: it is searched where the brush is `WIDEST` pixels wide at most.
    """
    size = (source.width, source.height)
    for level in range(levels_of(*size)):
        scale = 2**level
        width = max(1.0, stroke.width / scale)
        points = [(float(x), float(y)) for x, y in (stroke.centres() + 0.5) / scale - 0.5]
        left, top, right, bottom = stroke_box(points, width, level_size(*size, level))
        if right <= left or bottom <= top:
            return []
        if width <= WIDEST and (right - left) * (bottom - top) <= MOST_PIXELS:
            break
    else:
        return []
    crop = grey_window(tiles, picture, (left, top, right, bottom), level)
    suspected = source.open().window((left * scale, top * scale, (right - left) * scale, (bottom - top) * scale))
    if scale > 1:
        rows, columns = bottom - top, right - left
        suspected = suspected.reshape(rows, scale, columns, scale).max(axis=(1, 3))
    snapped = snap_stroke(crop, points, width, suspected=suspected, offset=(left, top)).mask
    if scale > 1:
        snapped = np.repeat(np.repeat(snapped, scale, axis=0), scale, axis=1)
        snapped = snapped[: source.height - top * scale, : source.width - left * scale]
    runs = np.array(runs_of(snapped), np.int64).reshape(-1, 3)
    runs += np.array([top, left, left], np.int64) * scale
    return [int(value) for value in runs.ravel()]
