"""Decode BMP and GIF with Pillow, which reads both headers without native code."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.png_text import COMMENT, text_chunk
from pipeline.scans.rejections import rejection

MODES: dict[str, Mode] = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
WITH_ALPHA: dict[Mode, Mode] = {"L": "LA", "RGB": "RGBA"}
GIF_END = b"\x3b"


def inspect(data: bytes, name: str, kind: str) -> ScanInfo:
    """Return what the header says; `pages` is 2 for two or more."""
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        if image.mode not in MODES:
            raise rejection(Reason.UNSUPPORTED, name, f"{kind} of Pillow's mode {image.mode}")
        mode = MODES[image.mode]
        if "transparency" in image.info:
            mode = WITH_ALPHA.get(mode, mode)
        pages = 2 if getattr(image, "is_animated", False) else 1
        return ScanInfo(kind, image.width, image.height, CHANNELS[mode], 8, pages, 1, mode)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata."""
    if info.format == "GIF" and GIF_END not in data[-64:]:
        raise rejection(Reason.TRUNCATED, name, "the GIF ends before its end mark")
    with Image.open(io.BytesIO(data), formats=[info.format]) as image:
        pixels = np.asarray(image if image.mode == info.mode else image.convert(info.mode))
        return Decoded(pixels, _metadata(image.info))


def _metadata(info: dict[Any, Any]) -> Metadata:
    """Return what Pillow found besides the pixels."""
    dpi, comment = info.get("dpi"), info.get("comment")
    text = text_chunk(COMMENT, comment) if isinstance(comment, bytes) and comment.strip(b"\0 ") else None
    return Metadata(
        icc=info.get("icc_profile") or None,
        xmp=info.get("xmp") or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else None,
        png_chunks=(text,) if text else (),
    )
