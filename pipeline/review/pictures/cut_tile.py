"""Cut one tile from the part of a file that it shows, while the tiles of the whole are still being made."""

from __future__ import annotations

import numpy as np

from pipeline import scans
from pipeline.imaging.orientation import stored_box, upright
from pipeline.imaging.tile_levels import TILE, levels_of
from pipeline.review.pictures.pyramid import as_viewed, halved, jpeg


def cut_tile(uri: str, size: tuple[int, int], orientation: int, level: int, column: int, row: int) -> bytes:
    """Return a tile as `pyramid.write_pyramid` writes it.

    Args:
        uri: of a TIFF among this machine's files.
        size: width and height of the upright picture.
        orientation: EXIF orientation of the file.

    Raises:
        KeyError: the picture has no such tile.
        UnreadableScan: only the whole file can be decoded.
    """
    side = TILE << min(level, levels_of(*size))
    left, top = column * side, row * side
    width, height = min(side, size[0] - left), min(side, size[1] - top)
    if width <= 0 or height <= 0 or level >= levels_of(*size):
        raise KeyError(f"{level}/{column}_{row}.jpg")
    scan = scans.decode_window_isolated(uri, stored_box((left, top, width, height), *size, orientation))
    picture = np.ascontiguousarray(upright(as_viewed(scan), orientation))
    for _ in range(level):
        picture = halved(picture)
    return jpeg(picture)
