"""Count the pictures of a GIF, and check that it has its end."""

from __future__ import annotations

from pipeline.errors import Reason
from pipeline.scans.rejections import rejection

EXTENSION, PICTURE, END = 0x21, 0x2C, 0x3B


def count(data: bytes, name: str) -> int:
    """Return how many pictures a GIF holds.

    Raises:
        UnreadableScan: TRUNCATED where it ends before its end mark, UNREADABLE where something else is in the place of
            a block: Pillow would look for the next thing that resembles one.
    """
    pictures, at = 0, 13 + _table(data, 10)
    while at < len(data):
        kind, at = data[at], at + 1
        if kind == END:
            return pictures
        if kind == EXTENSION:
            at += 1
        elif kind == PICTURE:
            pictures += 1
            at += 9 + _table(data, at + 8) + 1
        else:
            raise rejection(Reason.UNREADABLE, name, "part of the GIF is damaged")
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
    raise rejection(Reason.TRUNCATED, name, "the GIF ends before its end mark")


def _table(data: bytes, at: int) -> int:
    """Return the size of a colour table that the flags at a position announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
