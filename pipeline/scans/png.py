"""Decode PNG: verify its chunks one by one, decode pixels with libpng at full depth."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import imagecodecs

from pipeline.errors import Reason
from pipeline.scans.ifd import orientation, read_exif_block
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.rejections import rejection

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES: dict[int, Mode] = {0: "L", 2: "RGB", 3: "RGB", 4: "LA", 6: "RGBA"}
WITH_ALPHA: dict[Mode, Mode] = {"L": "LA", "RGB": "RGBA"}
XMP_KEY = b"XML:com.adobe.xmp"
IPTC_KEY = b"Raw profile type iptc"
# They describe the stored form of the pixels, which decoding changes; all others are kept or rebuilt.
DROPPED = {b"bKGD", b"hIST", b"sBIT", b"tRNS", b"acTL", b"fcTL", b"fdAT"}
METRE = 0.0254
MAX_TEXT = 64 << 20


def chunks(data: bytes, name: str) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of every chunk up to IEND, with checksums verified.

    Raises:
        UnreadableScan: TRUNCATED where IEND is missing, UNREADABLE where a checksum is wrong.
    """
    view = memoryview(data)
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(view[at : at + 4], "big")
        kind = bytes(view[at + 4 : at + 8])
        if at + 12 + size > len(data):
            break
        if zlib.crc32(view[at + 4 : at + 8 + size]) != int.from_bytes(view[at + 8 + size : at + 12 + size], "big"):
            raise rejection(Reason.UNREADABLE, name, f"the checksum of its chunk {_label(kind)} is wrong")
        yield kind, view[at + 8 : at + 8 + size]
        if kind == b"IEND":
            return
        at += 12 + size
    raise rejection(Reason.TRUNCATED, name, "the PNG ends before its end mark")


def _label(kind: bytes) -> str:
    """Return a chunk's type as text."""
    return kind.decode("latin-1")


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what the chunks before the pixels say."""
    header: tuple[int, ...] = ()
    alpha, frames, exif = False, 1, b""
    for kind, content in chunks(data, name):
        if kind == b"IHDR" and len(content) == 13:
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"tRNS":
            alpha = True
        elif kind == b"acTL" and len(content) == 8:
            frames = max(1, int.from_bytes(content[:4], "big"))
        elif kind == b"eXIf":
            exif = bytes(content)
        elif kind == b"IDAT":
            break
    if not header or header[3] not in MODES:
        raise rejection(Reason.UNREADABLE, name, "the PNG has no valid header")
    width, height, bits, colour = header[:4]
    mode = MODES[colour]
    if alpha:
        mode = WITH_ALPHA.get(mode, mode)
    depth = 16 if bits == 16 else 8
    return ScanInfo("PNG", width, height, CHANNELS[mode], depth, frames, orientation(read_exif_block(exif)), mode)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata of a whole PNG.

    1, 2 and 4 bits are scaled to 8, palettes become RGB, transparent colours become an alpha channel: each stored
    value has exactly one decoded value.
    """
    metadata = _metadata(data, name)
    return Decoded(imagecodecs.png_decode(data), metadata)


def _metadata(data: bytes, name: str) -> Metadata:
    """Return the metadata of all chunks, after verifying each one's checksum."""
    found: dict[str, Any] = {}
    kept: list[tuple[bytes, bytes]] = []
    for kind, content in chunks(data, name):
        if kind == b"iCCP":
            found["icc"] = inflate(bytes(content).partition(b"\0")[2][1:], name)
        elif kind == b"eXIf":
            found["exif"] = bytes(content).removeprefix(b"Exif\0\0")
        elif kind == b"pHYs" and len(content) == 9 and content[8] == 1:
            across, down = struct.unpack(">II", content[:8])
            found["dpi"] = (across * METRE, down * METRE)
        elif kind == b"iTXt" and bytes(content[:18]) == XMP_KEY + b"\0":
            found["xmp"] = _international(bytes(content), name)
        elif kind in (b"zTXt", b"tEXt") and bytes(content[:22]) == IPTC_KEY + b"\0":
            found["iptc"] = _raw_profile(kind, bytes(content), name)
        elif kind[0] & 0x20 and kind not in DROPPED:
            kept.append((kind, bytes(content)))
    return Metadata(**found, png_chunks=tuple(kept))


def inflate(data: bytes, name: str) -> bytes:
    """Return a compressed text or profile, or raise UnreadableScan where it is damaged or larger than `MAX_TEXT`."""
    worker = zlib.decompressobj()
    try:
        text = worker.decompress(data, MAX_TEXT)
    except zlib.error as error:
        raise rejection(Reason.UNREADABLE, name, "a compressed text in it is damaged") from error
    if worker.unconsumed_tail:
        raise rejection(Reason.UNREADABLE, name, "a compressed text in it is larger than 64 MB")
    return text


def _international(content: bytes, name: str) -> bytes:
    """Return the text of an iTXt chunk."""
    rest = content.partition(b"\0")[2]
    packed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]
    return inflate(text, name) if packed else text


def _raw_profile(kind: bytes, content: bytes, name: str) -> bytes:
    """Return the bytes of a `Raw profile type`: a name, a length, hexadecimal digits."""
    text = content.partition(b"\0")[2]
    if kind == b"zTXt":
        text = inflate(text[1:], name)
    digits = b"".join(text.split()[2:])
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError as error:
        raise rejection(Reason.UNREADABLE, name, "its IPTC text is damaged") from error
