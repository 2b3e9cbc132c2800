"""Recognise the pages of a TIFF that are reduced copies of its picture: thumbnails and the levels of a pyramid."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.scans.ifd import Directory
from pipeline.scans.tiff_tags import HEIGHT, OLD_SUBFILE, SUBFILE, WIDTH

REDUCED_OR_MASK, OLD_REDUCED = 0b101, 2
#: Correlation of a copy with the picture at its size; sharpening and JPEG leave more than this.
ALIKE = 0.9
#: Greatest difference from the picture, in shares of the range, where either has hardly any contrast.
EVEN = 0.05


def is_declared(page: Directory) -> bool:
    """Return whether a page says that it is a reduced copy or a transparency mask."""
    return bool(page.number(SUBFILE, 0) & REDUCED_OR_MASK) or page.number(OLD_SUBFILE, 0) == OLD_REDUCED


def may_be_copy(page: Directory, picture: Directory) -> bool:
    """Return whether a page that says nothing has the proportions of a picture, and at most half of its size.

    Some programs write pyramids and thumbnails without saying so; whether it shows the same, `shows_the_same` tells.
    """
    width, height = page.number(WIDTH, 0), page.number(HEIGHT, 0)
    full_width, full_height = picture.number(WIDTH, 0), picture.number(HEIGHT, 0)
    if not width or not height or 2 * width > full_width + 1 or 2 * height > full_height + 1:
        return False
    # Within one pixel of the reduced copy, which every program rounds in its own way.
    return abs(width * full_height - height * full_width) <= max(full_width, full_height)


def shows_the_same(copy: NDArray[Any], picture: NDArray[Any]) -> bool:
    """Return whether two pictures (H,W) or (H,W,C) of different sizes show the same."""
    height, width = copy.shape[:2]
    # Reduced first: the picture in floating point would need several times its own memory.
    whole = picture.view(np.uint8) if picture.dtype == np.bool_ else picture
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    one, other = _grey(small).ravel(), _grey(copy).ravel()
    if one.std() < EVEN or other.std() < EVEN:
        return bool(np.abs(one - other).mean() < EVEN)
    return bool(np.corrcoef(one, other)[0, 1] > ALIKE)


def _grey(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return pixels as (H,W) float32 in 0..1, the mean of their channels without transparency."""
    colours = pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] >= 3 else pixels
    colours = colours[..., 0] if colours.ndim == 3 and colours.shape[2] < 3 else colours
    scale = 1.0 if colours.dtype == np.bool_ else float(np.iinfo(colours.dtype).max)
    grey: NDArray[np.float32] = colours.astype(np.float32) / np.float32(scale)
    return np.ascontiguousarray(grey.mean(axis=2, dtype=np.float32) if grey.ndim == 3 else grey)
