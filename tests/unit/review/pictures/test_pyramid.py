"""Tiles: whole, upright, and made once."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.imaging.tile_levels import TILE, first_level, level_size, levels_of
from pipeline.review.pictures.pyramid import write_pyramid
from pipeline.review.pictures.tiles import Picture, TileStore
from pipeline.review.pictures.window import grey_window
from pipeline.review.refusals import TilesMissing


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
    window = grey_window(tiles, Picture(str(scan), "a" * 64, (700, 1100)), (500, 500, 530, 540))
    assert window.shape == (40, 30) and window.min() > 0 and np.ptp(np.diff(window.mean(axis=0))) < 0.05


KINDS: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 37},
    "tiles": {"tile": (128, 256), "compression": "zlib", "predictor": True},
    "planes": {"planarconfig": "separate", "rowsperstrip": 50},
    "turned": {"rowsperstrip": 64, "extratags": [(274, "H", 1, 6, True)]},
    "big endian": {"rowsperstrip": 64, "bigtiff": True, "byteorder": ">"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_tile_is_read_from_its_part_of_a_tiff(kind: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 65535, (600, 1100, 3), np.uint16)
    stored = np.moveaxis(pixels, 2, 0) if kind == "planes" else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **KINDS[kind])
    orientation = 6 if kind == "turned" else 1
    size = (600, 1100) if kind == "turned" else (1100, 600)
    tiles = TileStore(tmp_path / "cache")
    picture = Picture(str(tmp_path / "a.tif"), "e" * 64, size, orientation=orientation)
    names = ["0/0_1.jpg", "1/0_0.jpg", "0/1_0.jpg"]
    parts = [tiles.read(picture, name) for name in names]
    assert not list(tmp_path.glob("cache/*/*")), "the whole was made"
    write_pyramid(picture.uri, tmp_path / "whole.zip")
    with zipfile.ZipFile(tmp_path / "whole.zip") as archive:
        assert parts == [archive.read(name) for name in names]
    with pytest.raises(KeyError):
        tiles.read(picture, "0/9_9.jpg")


@pytest.mark.parametrize("kind", ["dark", "no TIFF"])
def test_a_picture_whose_parts_do_not_show_how_it_is_seen_is_read_as_a_whole(kind: str, tmp_path: Path) -> None:
    if kind == "dark":
        # Its tones are stretched by the brightest area of the whole.
        dark = np.random.default_rng(1).integers(0, 3000, (600, 700), np.uint16)
        tifffile.imwrite(tmp_path / "a.tif", dark, photometric="minisblack", rowsperstrip=64)
    else:
        Image.new("L", (700, 600), 90).save(tmp_path / "a.tif", "PNG")
    tile = TileStore(tmp_path / "cache").read(Picture(str(tmp_path / "a.tif"), "f" * 64, (700, 600)), "0/0_0.jpg")
    assert np.asarray(Image.open(io.BytesIO(tile))).mean() > 60
    assert list(tmp_path.glob("cache/*/*.zip"))


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(TilesMissing, match=r"a\.png"):
        TileStore(tmp_path / "cache").read(Picture(str(tmp_path / "a.png"), "b" * 64, (1, 1)), "0/0_0.jpg")


def test_small_levels_come_from_the_preview_that_was_published(tmp_path: Path) -> None:
    # A level is half of the one before, rounded up; the preview's sides are rounded.
    size = (5121, 3003)
    assert first_level(*size) == 2 and level_size(*size, 2) == (1281, 751)
    Image.new("RGB", (1280, 751), (200, 10, 10)).save(tmp_path / "first.jpg")
    picture = Picture(str(tmp_path / "gone.tif"), "c" * 64, size, str(tmp_path / "first.jpg"))
    tiles = TileStore(tmp_path / "cache")
    with Image.open(io.BytesIO(tiles.read(picture, "2/2_1.jpg"))) as tile:
        assert tile.size == (1281 - 2 * TILE, 751 - TILE) and tile.getpixel((3, 3))[0] > 190
    with pytest.raises(KeyError):
        tiles.read(picture, "2/9_9.jpg")
    # The picture at its own size is not in the preview.
    with pytest.raises(TilesMissing, match="gone"):
        tiles.read(picture, "0/0_0.jpg")


def test_bands_meet(tmp_path: Path) -> None:
    rows, columns = np.indices((2051, 33))
    Image.fromarray(((rows + columns) % 251).astype(np.uint8)).save(tmp_path / "tall.png")
    write_pyramid(str(tmp_path / "tall.png"), tmp_path / "tiles.zip")
    with zipfile.ZipFile(tmp_path / "tiles.zip") as archive:
        half = np.asarray(Image.open(io.BytesIO(archive.read("1/0_1.jpg"))), np.float32)
        assert Image.open(io.BytesIO(archive.read("1/0_2.jpg"))).size == (17, 2)
    expected = (rows[1024:2048:2, :32:2] + columns[1024:2048:2, :32:2]) % 251 + 1
    assert np.median(abs(half[:, :16] - expected)) < 3


def test_what_was_looked_at_longest_ago_leaves_the_cache(scan: Path, tmp_path: Path) -> None:
    first, second, third = (Picture(str(scan), letter * 64, (700, 1100)) for letter in "abc")
    cache, tiles = tmp_path / "cache", TileStore(tmp_path / "cache")
    for age, picture in ((1000, second), (2000, first)):
        tiles.read(picture, "thumb.jpg")
        os.utime(cache / picture.sha256[:2] / f"{picture.sha256}.zip", (age, age))
    sizes = [path.stat().st_size for path in cache.glob("*/*.zip")]
    tiles = TileStore(cache, sum(sizes) + sizes[0] // 2)
    tiles.prepare(second)
    tiles.read(third, "thumb.jpg")
    assert {path.stem for path in cache.glob("*/*.zip")} == {second.sha256, third.sha256}
    # One picture alone may be larger than the cache.
    TileStore(cache, 1).read(first, "thumb.jpg")
    assert [path.stem for path in cache.glob("*/*.zip")] == [first.sha256]
