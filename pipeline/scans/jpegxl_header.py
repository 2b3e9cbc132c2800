"""Read the size in the header of a JPEG XL (ISO 18181-1, SizeHeader)."""

from __future__ import annotations

from pipeline.errors import Reason
from pipeline.scans.rejections import rejection

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
CODESTREAM = b"\xff\x0a"
#: Bits of a number, by a selector of two bits.
BITS = (9, 13, 18, 30)
#: Width over height, by the number in the header; 0 means that the width follows.
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def size(data: bytes, name: str) -> tuple[int, int]:
    """Return width and height in pixels, as stored.

    Raises:
        UnreadableScan: TRUNCATED where there is no codestream, or a box is incomplete.
    """
    start = _codestream(data, name)
    if data[start : start + 2] != CODESTREAM or len(data) < start + 12:
        raise rejection(Reason.TRUNCATED, name, "the JPEG XL holds no picture")
    reader = _Bits(int.from_bytes(data[start + 2 : start + 20], "little"))
    is_small = reader.take(1)
    height = 8 * (reader.take(5) + 1) if is_small else reader.take(BITS[reader.take(2)]) + 1
    across, down = RATIOS.get(reader.take(3), (0, 0))
    if across:
        return height * across // down, height
    return (8 * (reader.take(5) + 1) if is_small else reader.take(BITS[reader.take(2)]) + 1), height


class _Bits:
    """The bits of a number, lowest first."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        """Return the next bits."""
        found = self._value & (1 << count) - 1
        self._value >>= count
        return found


def _codestream(data: bytes, name: str) -> int:
    """Return where the codestream, or its first part, begins."""
    if not data.startswith(CONTAINER):
        return 0
    at, first = 0, -1
    while at + 8 <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        kind = data[at + 4 : at + 8]
        length = length or len(data) - at
        if length < head or at + length > len(data):
            raise rejection(Reason.TRUNCATED, name, "the JPEG XL ends before its last box does")
        if kind in (b"jxlc", b"jxlp") and first < 0:
            first = at + head + (4 if kind == b"jxlp" else 0)
        at += length
    if first < 0:
        raise rejection(Reason.TRUNCATED, name, "the JPEG XL holds no picture")
    return first
