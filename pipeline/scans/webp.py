"""Decode WebP: read the header from its chunks, since opening a decoder allocates the canvas; pixels with libwebp."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.imaging.types import Pixels
from pipeline.scans import gaps
from pipeline.scans.ifd import orientation, read_exif_block, resolution
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.rejections import rejection

ALPHA_FLAG = 0x10


def chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of every chunk.

    Raises:
        UnreadableScan: TRUNCATED where a chunk is incomplete.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    at = 12
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise rejection(Reason.TRUNCATED, name, "the WebP ends before its last chunk does")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if at == 12:
        raise rejection(Reason.TRUNCATED, name, "the WebP holds no picture")


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what the chunks say."""
    width = height = frames = turned = 0
    alpha = False
    for kind, content in chunks(data, name):
        if kind == b"VP8X" and len(content) >= 10:
            alpha = bool(content[0] & ALPHA_FLAG)
            width = 1 + int.from_bytes(content[4:7], "little")
            height = 1 + int.from_bytes(content[7:10], "little")
        elif kind == b"VP8L" and len(content) >= 5:
            bits = int.from_bytes(content[1:5], "little")
            width, height = width or 1 + (bits & 0x3FFF), height or 1 + (bits >> 14 & 0x3FFF)
            alpha = alpha or bool(bits >> 28 & 1)
        elif kind == b"VP8 " and len(content) >= 10:
            width = width or int.from_bytes(content[6:8], "little") & 0x3FFF
            height = height or int.from_bytes(content[8:10], "little") & 0x3FFF
        elif kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            turned = orientation(read_exif_block(content.removeprefix(b"Exif\0\0")))
    mode: Mode = "RGBA" if alpha else "RGB"
    return ScanInfo("WEBP", width, height, CHANNELS[mode], 8, max(1, frames), turned or 1, mode)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata."""
    found = {kind: content for kind, content in chunks(data, name) if kind in (b"ICCP", b"EXIF", b"XMP ")}
    exif = found.get(b"EXIF", b"").removeprefix(b"Exif\0\0") or None
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
        pixels = np.asarray(image if image.mode == info.mode else image.convert(info.mode))
    dpi = resolution(read_exif_block(exif))
    metadata = Metadata(icc=found.get(b"ICCP"), exif=exif, xmp=found.get(b"XMP "), dpi=dpi)
    return Decoded(pixels, metadata, _find_gap(data, pixels, name))


def _find_gap(data: bytes, pixels: Pixels, name: str) -> str:
    """Return the doubt about zeros in the codes of the picture or of its transparency, which libwebp decodes anyhow."""
    at = 12
    for kind, content in chunks(data, name):
        start, at = at + 8, at + 8 + len(content) + len(content) % 2
        if kind not in (b"VP8 ", b"VP8L", b"ALPH"):
            continue
        share = gaps.EVEN_PIXELS_PER_BYTE if kind == b"VP8 " else gaps.EVEN_PIXELS_PER_BITS
        seen = pixels[..., 3] if kind == b"ALPH" else pixels
        if doubt := gaps.find_in_codes(data, start, start + len(content), seen, pixels_per_byte=share):
            return doubt
    return ""
