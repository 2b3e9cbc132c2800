"""Decode JPEG: walk its markers to the end, decode pixels with libjpeg, and check that all of them were in the file.

libjpeg fills missing parts with grey and only warns; here such a file is rejected.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.scans import gaps
from pipeline.scans.ifd import orientation, read_exif_block, resolution
from pipeline.scans.jpeg_warnings import warning_of
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.photoshop import iptc_of
from pipeline.scans.png_text import COMMENT, text_chunk
from pipeline.scans.rejections import rejection
from pipeline.scans.xmp import join_extended

MODES: dict[int, Mode] = {1: "L", 3: "RGB", 4: "CMYK"}
BASELINE_TO_PROGRESSIVE = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
WITHOUT_CONTENT = {0x01, *range(0xD0, 0xD9)}
SOS, EOI = 0xDA, 0xD9
# Not preceded by what may follow 0xFF inside scan data: a stuffed zero, a restart, a fill byte.
NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
EXIF, XMP, ICC, PHOTOSHOP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"Photoshop 3.0\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"


@dataclass
class Header:
    """The content of the segments before the first scan."""

    frame: int = 0
    precision: int = 8
    width: int = 0
    height: int = 0
    components: int = 0
    density: tuple[float, float] | None = None
    aspect: tuple[int, int] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    xmp_parts: list[bytes] = field(default_factory=list)
    comments: list[bytes] = field(default_factory=list)
    icc: dict[int, bytes] = field(default_factory=dict)
    photoshop: bytes = b""
    scan_at: int = 0


def read_header(data: bytes, name: str) -> Header:
    """Return the content of the segments before the first scan.

    Raises:
        UnreadableScan: TRUNCATED where the data ends before it, UNREADABLE where there are no valid segments.
    """
    header = Header()
    at = 2
    while True:
        marker, start, end = _segment(data, at, name)
        content = data[start:end]
        if marker in FRAMES:
            if len(content) < 6:
                raise rejection(Reason.UNREADABLE, name, "the JPEG's frame header is damaged")
            header.frame, header.precision, header.components = marker, content[0], content[5]
            header.height = int.from_bytes(content[1:3], "big")
            header.width = int.from_bytes(content[3:5], "big")
        elif marker == SOS:
            header.scan_at = at
            return header
        elif marker == EOI:
            raise rejection(Reason.TRUNCATED, name, "the JPEG holds no picture")
        else:
            _read_segment(header, marker, content)
        at = end


def segments(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of every segment before the first scan."""
    at = 2
    while True:
        marker, start, end = _segment(data, at, name)
        if marker in (SOS, EOI):
            return
        yield marker, data[start:end]
        at = end


def _segment(data: bytes, at: int, name: str) -> tuple[int, int, int]:
    """Return marker, start and end of the content of the segment at a position."""
    while at < len(data) and data[at] == 0xFF and at + 1 < len(data) and data[at + 1] == 0xFF:
        at += 1
    if at + 1 >= len(data):
        raise rejection(Reason.TRUNCATED, name, "the JPEG ends before its end mark")
    if data[at] != 0xFF:
        raise rejection(Reason.UNREADABLE, name, "bytes in the JPEG are where a marker should be")
    marker = data[at + 1]
    if marker in WITHOUT_CONTENT or marker == EOI:
        return marker, at + 2, at + 2
    size = int.from_bytes(data[at + 2 : at + 4], "big")
    if at + 2 + size > len(data) or at + 4 > len(data):
        raise rejection(Reason.TRUNCATED, name, "the JPEG ends before its end mark")
    if size < 2:
        raise rejection(Reason.UNREADABLE, name, "a segment of the JPEG has no length")
    return marker, at + 4, at + 2 + size


def _read_segment(header: Header, marker: int, content: bytes) -> None:
    """Put an application segment or comment into the header."""
    if marker == 0xE0 and content.startswith(b"JFIF\0") and len(content) >= 12:
        unit = {1: 1.0, 2: 2.54}.get(content[7])
        across, down = int.from_bytes(content[8:10], "big"), int.from_bytes(content[10:12], "big")
        if unit and across and down:
            header.density = (across * unit, down * unit)
        elif content[7] == 0 and across and down and across != down:
            header.aspect = (across, down)
    elif marker == 0xE1 and content.startswith(EXIF):
        block = content[len(EXIF) :]
        # A block of more than 64 KB goes on in the next segments.
        if header.exif is None or block[:2] not in (b"II", b"MM"):
            header.exif = (header.exif or b"") + block
    elif marker == 0xE1 and content.startswith(XMP) and header.xmp is None:
        header.xmp = content[len(XMP) :]
    elif marker == 0xE1 and content.startswith(EXTENDED_XMP):
        header.xmp_parts.append(content[len(EXTENDED_XMP) :])
    elif marker == 0xE2 and content.startswith(ICC) and len(content) > 14:
        header.icc[content[12]] = content[14:]
    elif marker == 0xED and content.startswith(PHOTOSHOP):
        header.photoshop += content[len(PHOTOSHOP) :]
    elif marker == 0xFE:
        header.comments.append(content)


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what the header says."""
    header = read_header(data, name)
    if header.frame not in BASELINE_TO_PROGRESSIVE or header.precision != 8:
        detail = f"JPEG with {header.precision} bits" if header.precision != 8 else "lossless or hierarchical JPEG"
        raise rejection(Reason.UNSUPPORTED, name, detail)
    if header.components not in MODES:
        raise rejection(Reason.UNSUPPORTED, name, f"JPEG with {header.components} channels")
    mode = MODES[header.components]
    turned = orientation(read_exif_block(header.exif))
    return ScanInfo("JPEG", header.width, header.height, CHANNELS[mode], 8, 1, turned, mode)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata of a whole JPEG."""
    header = read_header(data, name)
    end = check_whole(data, header.scan_at, name)
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        pixels = np.asarray(image)
    icc = b"".join(header.icc[number] for number in sorted(header.icc)) or None
    chunks = [text_chunk(COMMENT, comment) for comment in header.comments if comment.strip(b"\0 ")]
    if header.aspect:
        chunks.append((b"pHYs", struct.pack(">IIB", *header.aspect, 0)))
    metadata = Metadata(
        icc=icc,
        exif=header.exif,
        xmp=join_extended(header.xmp, header.xmp_parts),
        iptc=iptc_of(header.photoshop),
        photoshop=header.photoshop or None,
        dpi=header.density or resolution(read_exif_block(header.exif)),
        png_chunks=tuple(chunks),
    )
    # Before its end mark a picture may be padded.
    codes = header.scan_at, header.scan_at + len(data[header.scan_at : end].rstrip(b"\0"))
    doubt = gaps.find_in_codes(data, *codes, pixels, pixels_per_byte=gaps.EVEN_PIXELS_PER_JPEG_BYTE)
    return Decoded(pixels, metadata, doubt)


def _is_padding(scan: bytes, extraneous: int) -> bool:
    """Return whether the extraneous bytes at the end of a scan are the zeros with which some cameras pad it.

    A run of zeros that is longer than the extraneous bytes (and the few bytes that libjpeg reads ahead) was decoded
    as picture data, so it replaces missing data.
    """
    window = scan[-extraneous - 64 :]
    run = len(window) - len(window.rstrip(b"\0\xff"))
    return extraneous - 1 <= run <= extraneous + 10


def check_whole(data: bytes, at: int, name: str) -> int:
    """Return where the end mark is, after checking that all scans from a segment on are present and complete.

    Raises:
        UnreadableScan: TRUNCATED where some of it is missing, UNREADABLE where it is damaged.
    """
    last = at
    while True:
        marker, _, end = _segment(data, at, name)
        if marker == EOI:
            break
        if marker == SOS:
            found = NEXT_MARKER.search(data, end)
            if found is None:
                raise rejection(Reason.TRUNCATED, name, "the JPEG ends before its end mark")
            last, end = end, found.start()
        at = end
    warning = warning_of(data)
    if warning is None:
        return at
    extraneous = re.search(r"(\d+) extraneous bytes before marker 0xd9", warning)
    if extraneous and _is_padding(data[last:at], int(extraneous[1])):
        return at
    reason = Reason.TRUNCATED if "remature end" in warning else Reason.UNREADABLE
    raise rejection(
        reason, name, "part of the JPEG's picture is " + ("missing" if reason == "truncated" else "damaged")
    )
