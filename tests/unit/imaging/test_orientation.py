"""Orientation: as Pillow turns pictures, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.imaging.orientation import as_stored, upright, upright_box, upright_size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_planes_and_boxes_turn_as_viewers_turn_them(orientation: int) -> None:
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    picture = Image.fromarray(plane)
    picture.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(picture))
    turned = upright(plane, orientation)
    assert np.array_equal(turned, expected) and np.array_equal(as_stored(turned, orientation), plane)
    assert upright_size(4, 3, orientation) == turned.shape[::-1]
    marked = np.zeros((3, 4), np.uint8)
    marked[1:3, 2:3] = 1
    x, y, width, height = upright_box((2, 1, 1, 2), *turned.shape[::-1], orientation)
    found = np.zeros(turned.shape, np.uint8)
    found[y : y + height, x : x + width] = 1
    assert np.array_equal(found, upright(marked, orientation))
