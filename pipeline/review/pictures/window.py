"""Read a window of a picture from its tiles."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.imaging.tile_levels import TILE
from pipeline.review.pictures.tiles import Picture, TileStore


def grey_window(
    tiles: TileStore, picture: Picture, box: tuple[int, int, int, int], level: int = 0
) -> NDArray[np.float32]:
    """Return luminance (h,w) float32 0..1 of a window of one level of a picture.

    Args:
        box: left, top, right and bottom, within the level.
        level: 0 is the picture at its own size, each further one half of it.
    """
    left, top, right, bottom = box
    window = np.zeros((bottom - top, right - left), np.float32)
    for row in range(top // TILE, (bottom - 1) // TILE + 1):
        for column in range(left // TILE, (right - 1) // TILE + 1):
            with Image.open(io.BytesIO(tiles.read(picture, f"{level}/{column}_{row}.jpg"))) as opened:
                tile = np.asarray(opened.convert("L"), np.float32) / np.float32(255)
            first, second = row * TILE, column * TILE
            rows = slice(max(top, first), min(bottom, first + tile.shape[0]))
            columns = slice(max(left, second), min(right, second + tile.shape[1]))
            window[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = tile[
                rows.start - first : rows.stop - first, columns.start - second : columns.stop - second
            ]
    return window
