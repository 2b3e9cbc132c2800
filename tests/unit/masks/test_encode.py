"""Masks as PNG files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pipeline.masks.encode import encode_mask


def test_mask_comes_back_from_its_png_file() -> None:
    mask = np.zeros((21, 34), np.uint8)
    mask[3:9, 5:30] = 255
    mask[12:, 7] = 128
    with Image.open(io.BytesIO(encode_mask(mask))) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        assert np.array_equal(np.asarray(image), mask)


def test_the_same_mask_gives_the_same_bytes() -> None:
    mask = np.random.default_rng(1).integers(0, 2, (40, 30), np.uint8) * np.uint8(255)
    assert encode_mask(mask) == encode_mask(np.asfortranarray(mask)) == encode_mask(mask.copy())
