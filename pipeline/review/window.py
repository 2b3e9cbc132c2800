"""Read a window of a picture from its tiles."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.review.pyramid import TILE
from pipeline.review.tiles import TileStore


def grey_window(tiles: TileStore, uri: str, sha256: str, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Return luminance (h,w) float32 0..1 of a window at the picture's own size.

    Args:
        uri, sha256: of the picture.
        box: left, top, right and bottom, within the picture.
    """
    left, top, right, bottom = box
    window = np.zeros((bottom - top, right - left), np.float32)
    for row in range(top // TILE, (bottom - 1) // TILE + 1):
        for column in range(left // TILE, (right - 1) // TILE + 1):
            data = tiles.read(uri, sha256, f"0/{column}_{row}.jpg")
            with Image.open(io.BytesIO(data)) as picture:
                tile = np.asarray(picture.convert("L"), np.float32) / np.float32(255)
            first, second = row * TILE, column * TILE
            rows = slice(max(top, first), min(bottom, first + tile.shape[0]))
            columns = slice(max(left, second), min(right, second + tile.shape[1]))
            window[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = tile[
                rows.start - first : rows.stop - first, columns.start - second : columns.stop - second
            ]
    return window
