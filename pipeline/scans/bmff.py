"""Read the boxes of HEIC and AVIF files (ISO 14496-12 and 23008-12): size, depth and kind of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import Reason
from pipeline.scans.iso_boxes import walk
from pipeline.scans.rejections import rejection

#: Boxes with boxes in them, and the bytes before these.
CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0}
HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
AVIF = {b"avif", b"avis"}
ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")


@dataclass
class Header:
    """What the boxes say of the picture; sizes are the largest, since a picture may consist of tiles, and turned."""

    width: int = 0
    height: int = 0
    bits: int = 8
    channels: int = 3
    has_alpha: bool = False
    is_sequence: bool = False
    is_turned: bool = False


def kind_of(head: bytes) -> str:
    """Return `HEIF` or `AVIF` by the brands in the first box, empty for other files."""
    if head[4:8] != b"ftyp":
        return ""
    end = min(len(head), int.from_bytes(head[:4], "big"))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
    return "AVIF" if brands & AVIF else "HEIF" if brands & HEIC else ""


def read_header(data: bytes, name: str) -> Header:
    """Return what the boxes say.

    Raises:
        UnreadableScan: TRUNCATED where a box is incomplete or the picture is missing.
    """
    header, cropped = Header(), (0, 0)
    for kind, content in boxes(data, 0, len(data), name):
        if kind == b"ispe" and len(content) >= 12:
            width, height = (int.from_bytes(content[at : at + 4], "big") for at in (4, 8))
            if width * height > header.width * header.height:
                header.width, header.height = width, height
        elif kind == b"pixi" and len(content) >= 6:
            channels = content[4]
            header.bits = max(header.bits, *content[5 : 5 + channels])
            header.channels = max(1 if header.channels == 3 and channels == 1 else 3, channels)
        elif kind == b"auxC":
            header.has_alpha = header.has_alpha or content[4:].startswith(ALPHA)
        elif kind == b"clap" and len(content) >= 16:
            wide, per_wide, high, per_high = (int.from_bytes(content[at : at + 4], "big") for at in (0, 4, 8, 12))
            cropped = (wide // max(1, per_wide), high // max(1, per_high))
        elif kind == b"irot":
            header.is_turned = bool(content[:1] and content[0] & 1)
        elif kind == b"moov":
            header.is_sequence = True
    if 0 < cropped[0] <= header.width and 0 < cropped[1] <= header.height:
        header.width, header.height = cropped
    if header.is_turned:
        header.width, header.height = header.height, header.width
    if not header.width:
        raise rejection(Reason.TRUNCATED, name, "it holds no picture")
    return header


def boxes(data: bytes, at: int, end: int, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of every box but those with coded pictures, those in containers too."""
    for kind, start, stop in walk(data, at, end, CONTAINERS, name, "it ends before its last box does"):
        if kind != b"mdat":
            yield kind, data[start:stop]


def media(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of the boxes with coded pictures in a complete file."""
    at = 0
    while at + 8 <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or len(data) - at
        if data[at + 4 : at + 8] == b"mdat":
            yield at + head, at + size
        at += max(size, 8)
