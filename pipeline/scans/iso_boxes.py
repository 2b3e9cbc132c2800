"""Walk the boxes of ISO containers: HEIC, AVIF and JPEG 2000."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import Reason
from pipeline.scans.rejections import rejection


def walk(
    data: bytes, at: int, end: int, containers: Mapping[bytes, int], name: str, torn: str
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the content of every box between two positions, those in containers too.

    ISO/IEC 14496-12, section 4.2: a size of 1 stands for a 64-bit size, 0 for the rest of the file.

    Args:
        containers: names of boxes that hold boxes, each with the bytes before the first of them.
        name, torn: of the file, and what is wrong with it, for the message.

    Raises:
        UnreadableScan: TRUNCATED where a box is incomplete.
    """
    while at + 8 <= end:
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or end - at
        if size < head or at + size > end:
            raise rejection(Reason.TRUNCATED, name, torn)
        if kind in containers:
            yield from walk(data, at + head + containers[kind], at + size, containers, name, torn)
        else:
            yield kind, at + head, at + size
        at += size
