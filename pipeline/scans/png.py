"""Decode PNG: verify its chunks one by one, decode pixels with libpng at full depth."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import imagecodecs

from pipeline.errors import Reason
from pipeline.scans.ifd import orientation, read_exif_block
from pipeline.scans.model import CHANNELS, PALETTE_NOTE, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.photoshop import iptc_of
from pipeline.scans.png_text import (
    IPTC,
    RAW_KEY,
    RESOURCES,
    XMP_KEY,
    BrokenText,
    inflate,
    is_text,
    read_raw_profile,
    read_text,
)
from pipeline.scans.rejections import rejection

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES: dict[int, Mode] = {0: "L", 2: "RGB", 3: "RGB", 4: "LA", 6: "RGBA"}
WITH_ALPHA: dict[Mode, Mode] = {"L": "LA", "RGB": "RGBA"}
# They describe the stored form of the pixels, which decoding changes; all others are kept or rebuilt.
DROPPED = {b"hIST", b"tRNS", b"acTL", b"fcTL", b"fdAT"}
# Chunks whose names say that they must not be copied when the pixels change, and which the standard explains: these
# may be. Of others nobody can tell; some hold offsets into the compressed pixels, or signatures of them.
EXPLAINED = {
    *(
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"cICP",
        b"mDCV",
        b"mDCv",
        b"cLLI",
        b"cLLi",
        b"sBIT",
        b"bKGD",
        b"sTER",
        b"pCAL",
        b"sCAL",
    ),
    *(b"sPLT", b"gIFx", b"tIME"),
}
METRE = 0.0254


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


def heads(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of every chunk up to IEND or the end of the data, without verifying any checksum."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(view[at : at + 4], "big")
        yield bytes(view[at + 4 : at + 8]), view[at + 8 : at + 8 + size]
        at += 12 + size


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what the chunks before the pixels say, and EXIF wherever it is."""
    header: tuple[int, ...] = ()
    alpha, frames, exif = False, 1, b""
    for kind, content in chunks(data, name):
        if kind == b"IHDR" and len(content) == 13:
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"tRNS":
            alpha = True
        elif kind == b"acTL" and len(content) == 8:
            frames = max(1, int.from_bytes(content[:4], "big"))
        elif kind == b"IDAT":
            break
    # Some programs append EXIF to the end.
    for kind, content in heads(data):
        if kind == b"eXIf":
            exif = bytes(content).removeprefix(b"Exif\0\0")
    if not header or header[3] not in MODES:
        raise rejection(Reason.UNREADABLE, name, "the PNG has no valid header")
    width, height, bits, colour = header[:4]
    mode = MODES[colour]
    if alpha:
        mode = WITH_ALPHA.get(mode, mode)
    depth = 16 if bits == 16 else 8
    few = bits if mode == "L" and bits < 8 else 0
    turned = orientation(read_exif_block(exif))
    return ScanInfo("PNG", width, height, CHANNELS[mode], depth, frames, turned, mode, stored_bits=few)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata of a whole PNG.

    1, 2 and 4 bits are scaled to 8, palettes become RGB, transparent colours become an alpha channel: each stored
    value has exactly one decoded value.
    """
    metadata, notes = _metadata(data, name)
    has_palette = data[25] == 3
    return Decoded(imagecodecs.png_decode(data), metadata, notes=(*notes, PALETTE_NOTE) if has_palette else notes)


def _metadata(data: bytes, name: str) -> tuple[Metadata, tuple[str, ...]]:
    """Return the metadata of all chunks, after verifying each one's checksum, and notes of what is damaged in them."""
    notes: list[str] = []
    found: dict[str, Any] = {}
    kept: list[tuple[bytes, bytes]] = []
    form = _Form()
    for kind, chunk in chunks(data, name):
        content = bytes(chunk) if kind != b"IDAT" else b""
        try:
            if kind == b"iCCP":
                found["icc_name"], _, packed = content.partition(b"\0")
                found["icc"] = inflate(packed[1:])
            elif kind == b"eXIf":
                found["exif"] = content.removeprefix(b"Exif\0\0")
            elif kind == b"pHYs" and len(content) == 9 and content[8] == 1:
                across, down = struct.unpack(">II", content[:8])
                found["dpi"] = (across * METRE, down * METRE)
            elif is_text(kind) and (block := _block(kind, content)) and block[0] not in found:
                found[block[0]] = block[1]
            elif kind in (b"IHDR", b"PLTE", b"tRNS"):
                form.note(kind, content)
                continue
            elif kind[0] & 0x20 and kind not in DROPPED and (kind[3] & 0x20 or kind in EXPLAINED):
                kept.append((kind, content))
        except BrokenText as error:
            # Its checksum is right: so it was written, and has nothing to do with the picture.
            found.pop("icc_name", None)
            what = "colour profile" if kind == b"iCCP" else f"text chunk {_label(kind)}"
            notes.append(f"its {what} is damaged and was left out: {error}")
    kept = [(kind, form.converted(kind, content)) for kind, content in kept]
    # Some programs put all resources where others put the IPTC records among them.
    if (resources := found.get("iptc", b"")).startswith(b"8BIM"):
        found |= {"iptc": iptc_of(resources), "photoshop": resources + found.get("photoshop", b"")}
    return Metadata(**found, png_chunks=tuple(kept)), tuple(notes)


def _block(kind: bytes, content: bytes) -> tuple[str, bytes] | None:
    """Return the field of `Metadata` that a text chunk holds, with its value; None for an ordinary text."""
    key = content.partition(b"\0")[0]
    if kind == b"iTXt" and key == XMP_KEY:
        return "xmp", read_text(kind, content)[1]
    fields = {RAW_KEY + IPTC: "iptc", RAW_KEY + RESOURCES: "photoshop"}
    text = read_text(kind, content)[1]
    return (fields[key], read_raw_profile(text)) if kind != b"iTXt" and key in fields else None


class _Form:
    """How the file stores pixels, on which the meaning of some chunks depends."""

    def __init__(self) -> None:
        self.bits, self.colour, self.palette, self.alpha = 8, 0, b"", False

    def note(self, kind: bytes, content: bytes) -> None:
        """Take in IHDR, PLTE or tRNS."""
        if kind == b"IHDR" and len(content) == 13:
            self.bits, self.colour = content[8], content[9]
        elif kind == b"PLTE":
            self.palette = content
        elif kind == b"tRNS":
            self.alpha = True

    def converted(self, kind: bytes, content: bytes) -> bytes:
        """Return a chunk's content for decoded pixels: palettes RGB, transparent colours alpha, at least 8 bits."""
        if kind == b"sBIT" and self.alpha and self.colour in (0, 2, 3):
            return content + bytes([16 if self.bits == 16 else 8])
        if kind == b"bKGD" and self.colour == 3 and content:
            shade = self.palette[3 * content[0] : 3 * content[0] + 3]
            return b"".join(bytes([0, value]) for value in shade)
        if kind == b"bKGD" and self.colour == 0 and self.bits < 8:
            return (int.from_bytes(content, "big") * 255 // ((1 << self.bits) - 1)).to_bytes(2, "big")
        return content
