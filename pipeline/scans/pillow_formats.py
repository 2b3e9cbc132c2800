"""Decode BMP and GIF with Pillow, which reads both headers without native code."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.scans import gif, gif_pictures
from pipeline.scans.model import CHANNELS, PALETTE_NOTE, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.png_text import COMMENT, text_chunk
from pipeline.scans.rejections import rejection

MODES: dict[str, Mode] = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
WITH_ALPHA: dict[Mode, Mode] = {"L": "LA", "RGB": "RGBA"}
# Colour space of a BMP with a profile: the letters MBED as a little-endian number.
EMBEDDED = b"DEBM"


def inspect(data: bytes, name: str, kind: str) -> ScanInfo:
    """Return what the header says."""
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
        pixels = np.asarray(image if image.mode == info.mode else image.convert(info.mode))
        notes = (PALETTE_NOTE,) if image.mode == "P" else ()
        metadata = _of_gif(data) if info.format == "GIF" else _of_bmp(data, image.info)
    return Decoded(pixels, metadata, notes=notes)


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
