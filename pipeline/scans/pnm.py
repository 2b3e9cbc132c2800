"""Decode the portable formats PBM, PGM and PPM, as numbers or as bytes, of 1 to 16 bits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.errors import Reason
from pipeline.imaging.types import Pixels
from pipeline.scans import gaps
from pipeline.scans.depth import WHOLE, to_full_range
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.rejections import rejection

# A text may begin with "P5 ", but hardly with a number after it.
MAGIC = re.compile(rb"P[1-6](?:\s|#[^\r\n]*[\r\n])+\d{1,10}\s")
# Blanks and comments before a number.
NUMBER = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])*(\d{1,10})")


@dataclass(frozen=True)
class Header:
    """The numbers before the pixels; `start` is where these begin."""

    kind: int
    width: int
    height: int
    most: int
    start: int

    @property
    def mode(self) -> Mode:
        """Grey, or colours for PPM."""
        return "RGB" if self.kind in (3, 6) else "L"

    @property
    def bits(self) -> int:
        """Bits that the highest value needs."""
        return self.most.bit_length()

    @property
    def is_whole(self) -> bool:
        """Whether the highest value is the highest of its bits."""
        return self.most + 1 == 1 << self.bits


def read_header(data: bytes, name: str) -> Header:
    """Return the header.

    Raises:
        UnreadableScan: TRUNCATED or UNREADABLE where there is none, or its numbers are out of range.
    """
    kind, at, numbers = data[1] - 48, 2, []
    for _ in range(2 if kind in (1, 4) else 3):
        found = NUMBER.match(data, at)
        if found is None:
            raise rejection(Reason.UNREADABLE, name, "its header is damaged")
        numbers.append(int(found[1]))
        at = found.end()
    most = numbers[2] if len(numbers) > 2 else 1
    if not 0 < most < 65536:
        raise rejection(Reason.UNSUPPORTED, name, f"values up to {most}")
    return Header(kind, numbers[0], numbers[1], most, at + 1)


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what the header says."""
    header = read_header(data, name)
    depth = 16 if header.bits > 8 else 8
    few = header.bits if header.is_whole and header.bits not in WHOLE else 0
    size = (header.width, header.height, CHANNELS[header.mode])
    return ScanInfo("PNM", *size, depth, 1, 1, header.mode, stored_bits=few)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return the pixels."""
    header = read_header(data, name)
    shape = (info.height, info.width) if info.channels == 1 else (info.height, info.width, info.channels)
    if header.kind < 4:
        values, doubt = _numbers(data, header, int(np.prod(shape)), name).reshape(shape), ""
    else:
        values, doubt = _bytes(data, header, shape, name)
    if header.kind in (1, 4):
        values = 1 - values
    if header.is_whole:
        return Decoded(to_full_range(values, header.bits), Metadata(), doubt)
    full = 65535 if info.bit_depth == 16 else 255
    clipped = np.minimum(values, header.most).astype(np.uint32)
    pixels = ((clipped * full + header.most // 2) // header.most).astype(f"u{info.bit_depth // 8}")
    return Decoded(pixels, Metadata(), doubt, (f"its values up to {header.most} were scaled to {full}",))


def _numbers(data: bytes, header: Header, count: int, name: str) -> Any:
    """Return pixels that are written as decimal numbers; those of PBM may stand without blanks."""
    text = re.sub(rb"#[^\r\n]*", b"", data[header.start - 1 :])
    words = list(re.findall(rb"[01]", text)) if header.kind == 1 else text.split()
    if len(words) < count:
        raise rejection(Reason.TRUNCATED, name, "its last rows are missing")
    return np.array(words[:count], np.uint16 if header.bits > 8 else np.uint8)


def _bytes(data: bytes, header: Header, shape: tuple[int, ...], name: str) -> tuple[Any, str]:
    """Return pixels that are stored as bytes, high byte first, and the doubt about a gap in them."""
    size = 2 if header.bits > 8 else 1
    width = -(-header.width // 8) if header.kind == 4 else int(np.prod(shape[1:])) * size
    if len(data) < header.start + width * header.height:
        raise rejection(Reason.TRUNCATED, name, "its last rows are missing")
    rows = np.frombuffer(data, np.uint8, width * header.height, header.start).reshape(header.height, width)
    offsets = header.start + width * np.arange(header.height, dtype=np.int64)
    doubt = gaps.find_in_pixels(gaps.Raster(rows, offsets, max(1, width // header.width)))
    if header.kind == 4:
        return np.unpackbits(rows, axis=1)[:, : header.width], doubt
    values: Pixels = rows.view(">u2").astype(np.uint16) if size == 2 else rows
    return values.reshape(shape).copy(), doubt
