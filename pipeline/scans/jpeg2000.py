"""Decode JPEG 2000: read boxes and codestream header here, pixels with OpenJPEG at full depth."""

from __future__ import annotations

import io
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.imaging.types import Pixels
from pipeline.scans import gaps
from pipeline.scans.ifd import orientation, read_exif_block, resolution
from pipeline.scans.iso_boxes import walk
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.png_text import COMMENT, text_chunk
from pipeline.scans.rejections import rejection

BOX_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
STREAM_SIGNATURE = b"\xff\x4f\xff\x51"
END = b"\xff\xd9"
CONTAINERS = {b"jp2h": 0, b"res ": 0}
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
EXIF = b"JpgTiffExif->JP2"
#: Keyword of the PNG text that holds an XML box.
XML_KEY = b"XML"
MODES: dict[int, Mode] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
CMYK_SPACE, SYCC_SPACE = 12, 18
# ISO 15444-1 and -2: sRGB, grey and these two are read.
COLOUR_SPACES = {16, 17, CMYK_SPACE, SYCC_SPACE}
OTHER_SPACES = {
    1: "YCbCr", 3: "YCbCr", 4: "YCbCr", 9: "PhotoYCC", 11: "CMY", 13: "YCCK", 14: "CIELab", 19: "CIEJab", 20: "e-sRGB",
    21: "ROMM RGB", 24: "e-sYCC",
}  # fmt: skip
METRE = 0.0254
COMMENT_MARKER, TILE_PART = 0x64, 0x90


def boxes(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of every box, including nested ones; a bare codestream counts as one `jp2c`.

    Raises:
        UnreadableScan: TRUNCATED where a box is incomplete.
    """
    if data.startswith(STREAM_SIGNATURE):
        yield b"jp2c", data
        return
    torn = "the JPEG 2000 ends before its last box does"
    for kind, start, end in walk(data, 0, len(data), CONTAINERS, name, torn):
        yield kind, data[start:end]


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what boxes and codestream header say."""
    stream, space, palette, exif = b"", 0, 0, b""
    for kind, content in boxes(data, name):
        if kind == b"jp2c" and not stream:
            stream = content[:4096]
        elif kind == b"colr" and content[:1] == b"\1" and not space:
            space = int.from_bytes(content[3:7], "big")
        elif kind == b"pclr":
            palette = content[2] if len(content) > 2 else 0
        elif kind == b"uuid" and content.startswith(EXIF):
            exif = content[16:].removeprefix(b"Exif\0\0")
    if not stream.startswith(STREAM_SIGNATURE) or len(stream) < 42:
        raise rejection(Reason.TRUNCATED, name, "the JPEG 2000 holds no picture")
    right, bottom, left, top = (int.from_bytes(stream[n : n + 4], "big") for n in (8, 12, 16, 20))
    components = int.from_bytes(stream[40:42], "big")
    depths = {stream[n] for n in range(42, min(42 + 3 * components, len(stream)), 3)}
    bits = (depths.pop() + 1) if len(depths) == 1 else 0
    if bits not in range(1, 9) and bits != 16:
        raise rejection(Reason.UNSUPPORTED, name, "JPEG 2000 with signed values, or neither 8 nor 16 bits per channel")
    if space and space not in COLOUR_SPACES:
        raise rejection(Reason.UNSUPPORTED, name, f"JPEG 2000 in {OTHER_SPACES.get(space, f'colour space {space}')}")
    channels = palette or components
    if channels not in MODES or (bits == 16 and (space == SYCC_SPACE or palette)):
        raise rejection(Reason.UNSUPPORTED, name, f"JPEG 2000 with {channels} channels of {bits} bits")
    mode = "CMYK" if space == CMYK_SPACE and channels == 4 else MODES[channels]
    turned = orientation(read_exif_block(exif))
    depth = 16 if bits == 16 else 8
    return ScanInfo("JPEG2000", max(0, right - left), max(0, bottom - top), CHANNELS[mode], depth, 1, turned, mode)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata of a whole JPEG 2000."""
    metadata = _metadata(data, name)
    if info.bit_depth == 16:
        pixels: Pixels = np.asarray(imagecodecs.jpeg2k_decode(data))
    else:
        with Image.open(io.BytesIO(data), formats=["JPEG2000"]) as image:
            pixels = np.asarray(image if image.mode == info.mode else image.convert(info.mode))
    return Decoded(pixels, metadata, _find_gap(data, pixels, name))


def _find_gap(data: bytes, pixels: Pixels, name: str) -> str:
    """Return the doubt about zeros in the codestream: OpenJPEG takes them for packets without content."""
    for kind, content in boxes(data, name):
        if kind == b"jp2c":
            start = data.find(content[:64])
            return gaps.find_in_codes(data, start, start + len(content), pixels)
    return ""


def _metadata(data: bytes, name: str) -> Metadata:
    """Return the metadata of the boxes, and check that the codestream has its end mark."""
    icc = xmp = exif = iptc = None
    dpi = None
    texts = []
    for kind, content in boxes(data, name):
        if kind == b"jp2c":
            texts += [text_chunk(COMMENT, text) for text, is_text in comments(content) if is_text]
        if kind == b"jp2c" and not content.rstrip(b"\0").endswith(END):
            raise rejection(Reason.TRUNCATED, name, "the JPEG 2000 ends before its end mark")
        if kind == b"colr" and content[:1] == b"\2":
            icc = content[3:]
        elif kind == b"uuid" and content.startswith(XMP):
            xmp = content[16:]
        elif kind == b"uuid" and content.startswith(IPTC):
            iptc = content[16:]
        elif kind == b"uuid" and content.startswith(EXIF):
            exif = content[16:].removeprefix(b"Exif\0\0")
        elif kind == b"xml ":
            texts.append(text_chunk(XML_KEY, content))
        elif kind in (b"resc", b"resd") and len(content) >= 10:
            dpi = _dpi(content) or dpi
    dpi = dpi or resolution(read_exif_block(exif))
    return Metadata(icc=icc, exif=exif, xmp=xmp, iptc=iptc, dpi=dpi, png_chunks=tuple(texts))


def comments(stream: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the comments in the main header of a codestream, and whether each is a text."""
    at = 2
    while at + 6 <= len(stream) and stream[at] == 0xFF and stream[at + 1] != TILE_PART:
        size = int.from_bytes(stream[at + 2 : at + 4], "big")
        if stream[at + 1] == COMMENT_MARKER and size >= 4:
            yield stream[at + 6 : at + 2 + size], stream[at + 4 : at + 6] == b"\0\1"
        at += 2 + max(2, size)


def _dpi(content: bytes) -> tuple[float, float] | None:
    """Return the resolution of a box: down and across, in points per metre."""
    numbers = [int.from_bytes(content[n : n + 2], "big") for n in (0, 2, 4, 6)]
    if not numbers[1] or not numbers[3]:
        return None
    powers = [int.from_bytes(content[n : n + 1], "big", signed=True) for n in (8, 9)]
    down = numbers[0] / numbers[1] * 10.0 ** powers[0]
    across = numbers[2] / numbers[3] * 10.0 ** powers[1]
    return (across * METRE, down * METRE) if across and down else None
