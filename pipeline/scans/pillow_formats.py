"""Decode BMP, GIF, TGA, SGI and PCX with Pillow, which reads their headers without native code."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.imaging.types import Pixels
from pipeline.scans import gaps, gif, gif_pictures
from pipeline.scans.model import CHANNELS, PALETTE_NOTE, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.png_text import COMMENT, text_chunk
from pipeline.scans.rejections import rejection

MODES: dict[str, Mode] = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA", "LA": "LA"}
WITH_ALPHA: dict[Mode, Mode] = {"L": "LA", "RGB": "RGBA"}
# Bits of a pixel by Pillow's names of stored forms.
BITS = {
    "1": 1, "P;1": 1, "P;4": 4, "BGR;15": 16, "BGR;16": 16, "BGRA;15Z": 16, "LA": 16, "RGB": 24, "BGR": 24, "BGRA": 32,
    "BGRX": 32, "RGBA": 32, "XBGR": 32, "ABGR": 32, "BGXR": 32, "BGAR": 32,
}  # fmt: skip
# Colour space of a BMP with a profile: the letters MBED as a little-endian number.
EMBEDDED = b"DEBM"


def inspect(data: bytes, name: str, kind: str) -> ScanInfo:
    """Return what the header says."""
    if kind == "SGI" and data[3:4] == b"\2":
        raise rejection(Reason.UNSUPPORTED, name, "SGI with 16 bits per channel")
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        if image.mode not in MODES:
            raise rejection(Reason.UNSUPPORTED, name, f"{kind} of Pillow's mode {image.mode}")
        mode = MODES[image.mode]
        if "transparency" in image.info:
            mode = WITH_ALPHA.get(mode, mode)
        pages = max(1, gif_pictures.count(data, name)) if kind == "GIF" else 1
        few = 1 if image.mode == "1" else 0
        return ScanInfo(kind, image.width, image.height, CHANNELS[mode], 8, pages, 1, mode, stored_bits=few)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata."""
    with Image.open(io.BytesIO(data), formats=[info.format]) as image:
        tiles, across = image.tile, image.width
        pixels = np.asarray(image if image.mode == info.mode else image.convert(info.mode))
        notes = (PALETTE_NOTE,) if image.mode == "P" else ()
        metadata = _of_gif(data) if info.format == "GIF" else _of_bmp(data, image.info)
    doubt = next((doubt for tile in tiles if (doubt := _find_gap(data, tile, across, pixels))), "")
    return Decoded(pixels, metadata, doubt, notes)


def _find_gap(data: bytes, tile: Any, across: int, pixels: Pixels) -> str:
    """Return the doubt about a gap in a part of a picture, as Pillow describes it: codec, box, offset, arguments."""
    codec, box, start, arguments = tile
    if codec == "gif":
        return ""
    if codec != "raw":
        return gaps.find_in_codes(data, start, len(data), pixels, pixels_per_byte=gaps.EVEN_PIXELS_PER_BITS)
    form, stride = (arguments, 0) if isinstance(arguments, str) else arguments[:2]
    width = stride or -(-across * BITS.get(form, 8) // 8)
    height = min(box[3] - box[1], (len(data) - start) // width)
    rows = np.frombuffer(data, np.uint8, height * width, start).reshape(height, width)
    offsets = start + width * np.arange(height, dtype=np.int64)
    return gaps.find_in_pixels(gaps.Raster(rows, offsets, max(1, width // across)))


def _of_gif(data: bytes) -> Metadata:
    """Return the comments, profile and XMP packet of a GIF."""
    found = list(gif.extensions(data))
    named = {name: content for label, name, content in found if label == gif.APPLICATION}
    comments = [content for label, _, content in found if label == gif.COMMENT and content.strip(b"\0 ")]
    chunks = tuple(text_chunk(COMMENT, comment) for comment in comments)
    return Metadata(icc=named.get(gif.PROFILE), xmp=named.get(gif.XMP), png_chunks=chunks)


def _of_bmp(data: bytes, info: dict[Any, Any]) -> Metadata:
    """Return the resolution of a BMP, and the profile that version 5 may embed."""
    dpi, profile = info.get("dpi"), b""
    if len(data) > 138 and struct.unpack_from("<I", data, 14)[0] >= 124 and data[70:74] == EMBEDDED:
        start, size = struct.unpack_from("<II", data, 126)
        profile = data[14 + start : 14 + start + size]
    return Metadata(icc=profile or None, dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else None)
