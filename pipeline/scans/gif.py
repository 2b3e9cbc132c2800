"""Walk the blocks of a GIF: comments, texts and the extensions of applications."""

from __future__ import annotations

from collections.abc import Iterator

IMAGE, EXTENSION, END = 0x2C, 0x21, 0x3B
TEXT, COMMENT, APPLICATION = 0x01, 0xFE, 0xFF
XMP, PROFILE = b"XMP DataXMP", b"ICCRGBG1012"
#: An XMP packet is written as it is; 258 bytes behind it lead readers of sub-blocks to its end.
TRAILER = 258


def extensions(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield label, name (of an application, else empty) and content of each extension; a damaged end is left out."""
    at = 13 + _colours(data[10:11])
    while at + 2 < len(data) and data[at] != END:
        if data[at] == IMAGE:
            _, at = _sub_blocks(data, at + 11 + _colours(data[at + 9 : at + 10]))
        elif data[at] == EXTENSION:
            label, start = data[at + 1], at + 2
            name = data[start + 1 : start + 1 + data[start]] if label in (TEXT, APPLICATION) else b""
            begin = start + 1 + len(name) if name else start
            content, at = _sub_blocks(data, begin)
            whole = data[begin : at - TRAILER] if name == XMP else content
            yield label, name if label == APPLICATION else b"", whole
        else:
            return


def _colours(flags: bytes) -> int:
    """Return the size of a colour table in bytes."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the content of a row of sub-blocks, and where it ends."""
    content = bytearray()
    while at < len(data) and data[at]:
        content += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return bytes(content), at + 1
