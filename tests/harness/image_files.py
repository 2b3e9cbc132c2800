"""Image files, written by other libraries than those that read them in the project."""

from __future__ import annotations

import io
from typing import Any

import tifffile
from numpy.typing import NDArray
from PIL import Image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture as Pillow saves it."""
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def png(pixels: NDArray[Any]) -> bytes:
    """Return pixels as a PNG file."""
    return saved(Image.fromarray(pixels), "PNG")


def tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    """Return pixels as tifffile saves them."""
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, **options)
    return target.getvalue()
