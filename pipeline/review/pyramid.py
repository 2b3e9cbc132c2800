"""Cut a picture into tiles at each halving of its size, for viewing: `python -m pipeline.review.pyramid URI FILE`.

It runs in a process of its own, because decoding a large scan takes more memory than a server should hold.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import scans
from pipeline.atomic_write import atomic_path

TILE = 512
QUALITY = 88
THUMB = 320


def levels_of(width: int, height: int) -> int:
    """Return how many levels a pyramid has: level 0 is the picture, each further one half of it, the last one tile."""
    levels = 1
    while max(width, height) > TILE:
        width, height, levels = (width + 1) // 2, (height + 1) // 2, levels + 1
    return levels


def write_pyramid(uri: str, target: Path) -> None:
    """Write the tiles of a scan, upright and in sRGB: a ZIP file of JPEGs `level/column_row.jpg`, and `thumb.jpg`.

    Raises:
        UnreadableScan, FileNotFoundError, StoreUnavailable: the scan cannot be read.
    """
    scan = scans.decode_isolated(uri)
    picture = np.asarray(scans.oriented_preview(scan, scan.info.orientation, max(scan.pixels.shape[:2])))
    del scan
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for level in range(levels_of(picture.shape[1], picture.shape[0])):
            if level:
                size = ((picture.shape[1] + 1) // 2, (picture.shape[0] + 1) // 2)
                picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
            for top in range(0, picture.shape[0], TILE):
                for left in range(0, picture.shape[1], TILE):
                    tile = picture[top : top + TILE, left : left + TILE]
                    archive.writestr(f"{level}/{left // TILE}_{top // TILE}.jpg", _jpeg(tile))
        scale = THUMB / max(picture.shape[:2])
        if scale < 1:
            size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        archive.writestr("thumb.jpg", _jpeg(picture))


def _jpeg(pixels: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


if __name__ == "__main__":
    write_pyramid(sys.argv[1], Path(sys.argv[2]))
