"""Cut a picture into tiles at each halving of its size, for viewing.

Command: `python -m pipeline.review.pictures.pyramid URI FILE`.

It runs in a process of its own, because decoding a large scan takes more memory than a server should hold.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import scans
from pipeline.atomic_write import atomic_path
from pipeline.imaging.orientation import upright
from pipeline.imaging.tile_levels import TILE, half, level_size, levels_of
from pipeline.scans import Scan

QUALITY = 88
THUMB = 320
ROWS = 1024
"""Rows that are converted at a time; even, so that they halve alike."""


def write_pyramid(uri: str, target: Path) -> None:
    """Write the tiles of a scan, upright and in sRGB: a ZIP file of JPEGs `level/column_row.jpg`, and `thumb.jpg`.

    Raises:
        UnreadableScan, FileNotFoundError, StoreUnavailable: the scan cannot be read.
    """
    scan = scans.decode_isolated(uri)
    orientation = scan.info.orientation
    picture = as_viewed(scan)
    del scan
    write_levels(upright(picture, orientation), target, 0)


def write_first_levels(preview: bytes, size: tuple[int, int], level: int, target: Path) -> None:
    """Write the tiles of a level and of all smaller ones, as `write_pyramid` does.

    Args:
        preview: JPEG file of the picture at that level, as publishing wrote it.
        size: width and height of the picture.
    """
    with Image.open(io.BytesIO(preview)) as opened:
        wanted = level_size(*size, level)
        # Its sides were rounded, those of a level are rounded up.
        picture = np.asarray(opened if opened.size == wanted else opened.resize(wanted, Image.Resampling.BILINEAR))
    write_levels(picture, target, level)


def write_levels(picture: NDArray[np.uint8], target: Path, level: int) -> None:
    """Write the tiles of a picture (H,W) or (H,W,3), whose first level is `level`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for number in range(level, level + levels_of(picture.shape[1], picture.shape[0])):
            if number > level:
                picture = halved(picture)
            for row, column, tile in _tiles(picture):
                archive.writestr(f"{number}/{column}_{row}.jpg", jpeg(tile))
        scale = THUMB / max(picture.shape[:2])
        if scale < 1:
            size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        archive.writestr("thumb.jpg", jpeg(picture))


def as_viewed(scan: Scan) -> NDArray[np.uint8]:
    """Return a scan in 8-bit sRGB, rows and columns as stored; only some rows are converted at a time."""
    result: NDArray[np.uint8] | None = None
    for top in range(0, len(scan.pixels), ROWS):
        rows = replace(scan, pixels=scan.pixels[top : top + ROWS])
        band = np.asarray(scans.oriented_preview(rows, 1, max(rows.pixels.shape[:2])))
        if result is None:
            result = np.empty((len(scan.pixels), *band.shape[1:]), np.uint8)
        result[top : top + ROWS] = band
    assert result is not None
    return result


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture at half its size, averaged."""
    height, width = picture.shape[:2]
    result = np.empty((half(height), half(width), *picture.shape[2:]), np.uint8)
    for top in range(0, height, ROWS):
        rows = np.ascontiguousarray(picture[top : top + ROWS])
        cv2.resize(
            rows, (half(width), half(len(rows))), result[top // 2 : half(top + len(rows))], interpolation=cv2.INTER_AREA
        )
    return result


def _tiles(picture: NDArray[np.uint8]) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    for top in range(0, picture.shape[0], TILE):
        for left in range(0, picture.shape[1], TILE):
            yield top // TILE, left // TILE, picture[top : top + TILE, left : left + TILE]


def jpeg(pixels: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


if __name__ == "__main__":
    # Whoever waits for a page comes first.
    os.nice(5)
    write_pyramid(sys.argv[1], Path(sys.argv[2]))
