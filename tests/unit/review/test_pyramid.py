"""Tiles: whole, upright, and made once."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.review.pyramid import TILE, levels_of, write_pyramid
from pipeline.review.tiles import TilesMissing, TileStore
from pipeline.review.window import grey_window


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    rows, columns = np.indices((700, 1100))
    pixels = np.stack([columns * 255 // 1099, rows * 255 // 699, np.zeros_like(rows)], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    return tmp_path / "turned.jpg"


def test_tiles_show_the_picture_upright(scan: Path, tmp_path: Path) -> None:
    write_pyramid(str(scan), tmp_path / "tiles.zip")
    with zipfile.ZipFile(tmp_path / "tiles.zip") as archive:
        names = set(archive.namelist())
        assert levels_of(700, 1100) == 3
        assert {"0/0_0.jpg", "0/1_2.jpg", "1/0_1.jpg", "2/0_0.jpg", "thumb.jpg"} <= names and "0/2_0.jpg" not in names
        last = Image.open(io.BytesIO(archive.read("0/1_2.jpg")))
        assert last.size == (700 - TILE, 1100 - 2 * TILE)
        first = np.asarray(Image.open(io.BytesIO(archive.read("0/0_0.jpg"))))
    # Turned clockwise, the file's bottom left corner is the picture's top left one.
    assert first[5, 5, 0] < 20 and first[5, 5, 1] > 235


def test_a_window_joins_tiles(scan: Path, tmp_path: Path) -> None:
    tiles = TileStore(tmp_path / "cache")
    window = grey_window(tiles, str(scan), "a" * 64, (500, 500, 530, 540))
    assert window.shape == (40, 30) and window.min() > 0 and np.ptp(np.diff(window.mean(axis=0))) < 0.05


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(TilesMissing, match=r"a\.png"):
        TileStore(tmp_path / "cache").read(str(tmp_path / "a.png"), "b" * 64, "0/0_0.jpg")
