"""Decode the file of a mask: colour and alpha in 8 bits, or a plain reason."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import error_line

# What Pillow may try. Not its whole list: a PostScript file would be run.
FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "GIF", "WEBP", "PSD", "JPEG2000", "PPM", "PCX", "SGI", "QOI", "AVIF", "TGA")
# Documents of editors, and pictures that Pillow cannot decode: offset, first bytes, what it is.
OTHER_FILES = (
    (0, b"gimp xcf", "a GIMP document (XCF)"),
    (0, b"8BPS\0\2", "a large Photoshop document (PSB)"),
    (0, b"8BPS", "a Photoshop document without a composite that can be read"),
    (0, b"PK\3\4", "a layered document or an archive (ORA, KRA, ZIP)"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript file"),
    (4, b"ftyphei", "a HEIC file"),
    (4, b"ftypmif", "a HEIC file"),
    (4, b"ftyp", "a video or a file of a kind that is not known"),
    (0, b"\xff\x0a", "a JPEG XL file"),
    (4, b"JXL ", "a JPEG XL file"),
    (0, b"<svg", "a drawing (SVG)"),
    (0, b"<?xml", "a drawing or text (XML)"),
)
ORIENTATION = 0x0112
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
# Rows of more than 8 bits that are converted at a time.
ROWS = 256


@dataclass(frozen=True)
class MaskFile:
    """A mask as it was saved.

    Attributes:
        colour: (H,W) or (H,W,3) uint8.
        alpha: (H,W) uint8, or None where nothing is transparent.
        pages: of the file; only the first is read.
    """

    colour: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    pages: int = 1


def mask_size(data: bytes, name: str) -> tuple[tuple[int, int], int]:
    """Return rows and columns of a mask as stored, and its own EXIF orientation; pixels are not decoded.

    Raises:
        UnreadableScan: it is no picture that can be read.
    """
    with _opened(data, name) as image:
        return (image.height, image.width), int(image.getexif().get(ORIENTATION, 1) or 1)


def read_file(data: bytes, name: str) -> MaskFile:
    """Return the pixels of a mask. Raises as `mask_size`."""
    with _opened(data, name) as opened:
        pages = 1 if opened.format == "PSD" else int(getattr(opened, "n_frames", 1))
        opened.load()
        image: Image.Image = opened
        if image.mode in DEEP_MODES:
            return MaskFile(_as_8_bits(np.asarray(image)), None, pages)
        if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
            image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A")) if image.mode in ("LA", "RGBA") else None
        if image.mode in ("1", "LA"):
            image = image.convert("L")
        elif image.mode not in ("L", "RGB"):
            image = image.convert("RGB")
        return MaskFile(_as_array(image), None if alpha is None or alpha.min() == 255 else alpha, pages)


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """Yield a mask's picture, its pixels not decoded yet; any error of opening or decoding it gets a plain reason."""
    if not data:
        message = f"mask {name} is empty (0 bytes); save it again, or remove it"
        raise UnreadableScan(Reason.MASK_UNREADABLE, message)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            yield image
    except UnreadableScan:
        raise
    except (
        OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError,
        struct.error, zlib.error, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise UnreadableScan(Reason.MASK_UNREADABLE, _why_unreadable(data, name, error)) from error


def _why_unreadable(data: bytes, name: str, error: Exception) -> str:
    head = data[:64]
    kind = next((what for at, start, what in OTHER_FILES if head[at:].startswith(start)), "")
    if kind:
        return f"mask {name} is {kind}, which is not read as a mask; export it as PNG"
    # Pillow's own sentence names a Python object and not the file.
    why = "its format is not known" if isinstance(error, UnidentifiedImageError) else error_line(error, 120)
    return f"mask {name} cannot be read as an image; save it as PNG ({why})"


def _as_array(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of a picture `L` or `RGB`, in strips: as a whole, Pillow copies them twice on the way."""
    result = np.empty((image.height, image.width, *([3] if image.mode == "RGB" else [])), np.uint8)
    for top in range(0, image.height, ROWS):
        strip = image.crop((0, top, image.width, min(image.height, top + ROWS)))
        result[top : top + ROWS] = np.asarray(strip)
    return result


def _as_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey of more than 8 bits (H,W) as 8 bits, whatever its full scale; two values become 0 and 255."""
    highest, lowest = values.max(initial=0), values.min(initial=0)
    top = 65535.0 if highest > 255 else 255.0 if highest > 1 else 1.0
    result = np.empty(values.shape, np.uint8)
    two = highest > lowest
    for row in range(0, len(values), ROWS):
        strip = values[row : row + ROWS]
        two = two and bool(((strip == highest) | (strip == lowest)).all())
        result[row : row + ROWS] = np.clip(strip.astype(np.float64) * 255 / top, 0, 255).astype(np.uint8)
    return np.where(values == highest, np.uint8(255), np.uint8(0)) if two else result
