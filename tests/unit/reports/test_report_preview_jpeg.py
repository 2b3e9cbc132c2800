"""Previews stay within their budget, whatever they show."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.reports.preview_jpeg import (
    MAX_PREVIEW_BYTES,
    MAX_TOTAL_BYTES,
    bytes_per_preview,
    preview_jpeg,
    preview_jpegs,
)


def noise(side: int, mode: str = "RGB") -> Image.Image:
    shape = (side, side) if mode == "L" else (side, side, len(mode))
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), mode)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("limit", [15_000, 25_000, 90_000])
def test_the_hardest_picture_stays_within_its_budget(limit: int) -> None:
    data = preview_jpeg(noise(900), limit)
    assert len(data) <= limit
    assert len(data) > limit / 4  # and uses it


def test_a_small_picture_is_not_enlarged_and_the_given_one_not_changed() -> None:
    picture = noise(100)
    assert opened(preview_jpeg(picture, 50_000)).size == (100, 100)
    large = noise(900)
    preview_jpeg(large, 5_000)
    assert large.size == (900, 900)


def test_pictures_of_one_scan_have_one_size() -> None:
    sizes = {opened(data).size for data in preview_jpegs([noise(900), Image.new("RGB", (900, 900))], 50_000)}
    assert len(sizes) == 1


def test_a_thumbnail_keeps_its_side() -> None:
    assert max(opened(preview_jpeg(Image.new("L", (900, 300)), 90_000, 260)).size) == 260


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_grey_or_rgb(mode: str) -> None:
    assert opened(preview_jpeg(Image.new(mode, (40, 30)), 50_000)).mode in ("L", "RGB")


def test_transparency_becomes_white() -> None:
    assert opened(preview_jpeg(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), 50_000)).getpixel((4, 4)) == (255, 255, 255)


def test_budgets_add_up() -> None:
    assert bytes_per_preview(9) == MAX_PREVIEW_BYTES
    assert bytes_per_preview(900) * 900 <= MAX_TOTAL_BYTES
    assert len(preview_jpeg(noise(900), bytes_per_preview(900))) <= bytes_per_preview(900)
