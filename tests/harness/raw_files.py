"""Files built byte by byte, with metadata that no library here writes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 99: 1}
LETTERS = {3: "H", 4: "I", 5: "I", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
WIDTH, HEIGHT = 8, 6

Value = bytes | Sequence[float]
Tags = Mapping[int, tuple[int, Value]]


def tiff(tags: Tags, *, order: str = "<", big: bool = False, exif: Tags | None = None, gap: int = 0) -> bytes:
    """Return a grey TIFF of 8 × 6 pixels with further tags (number: type, values), and an EXIF directory.

    Values of type bytes are written as they are, whatever the type; `gap` zeros precede the directories.
    """
    pixels = bytes(range(WIDTH * HEIGHT))
    start = 16 if big else 8
    head = struct.pack(order + "2sHHHQ" if big else order + "2sHI", *_head(order, big, start + len(pixels) + gap))
    own: dict[int, tuple[int, Value]] = {
        256: (3, [WIDTH]), 257: (3, [HEIGHT]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 273: (4, [start]),
        277: (3, [1]), 278: (3, [HEIGHT]), 279: (4, [len(pixels)]),
    }  # fmt: skip
    at = start + len(pixels) + gap
    directory = {**own, **tags}
    if exif is None:
        return head + pixels + bytes(gap) + _directory(directory, at, order, big)
    size = len(_directory({**directory, 34665: (4, [0])}, at, order, big))
    directory[34665] = (4, [at + size])
    return head + pixels + bytes(gap) + _directory(directory, at, order, big) + _directory(exif, at + size, order, big)


def exif_block(tags: Tags, *, order: str = "<", exif: Tags | None = None, thumbnail: bytes = b"") -> bytes:
    """Return an EXIF block with tags, an EXIF directory and a thumbnail."""
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
    directory = dict(tags)
    if exif is not None:
        directory[34665] = (4, [0])
        directory[34665] = (4, [8 + len(_directory(directory, 8, order, False))])
    first = bytearray(_directory(directory, 8, order, False))
    second = _directory(exif, 8 + len(first), order, False) if exif is not None else b""
    if not thumbnail:
        return head + bytes(first) + second
    at = 8 + len(first) + len(second)
    small: Tags = {259: (3, [6]), 513: (4, [at + 42]), 514: (4, [len(thumbnail)])}
    struct.pack_into(order + "I", first, 2 + 12 * len(directory), at)
    return head + bytes(first) + second + _directory(small, at, order, False) + thumbnail


def _head(order: str, big: bool, at: int) -> tuple[bytes | int, ...]:
    mark = b"II" if order == "<" else b"MM"
    return (mark, 43, 8, 0, at) if big else (mark, 42, at)


def _directory(tags: Tags, at: int, order: str, big: bool) -> bytes:
    entry, inline, letter, count = (20, 8, "Q", "Q") if big else (12, 4, "I", "H")
    head, body = struct.pack(order + count, len(tags)), b""
    body_at = at + len(head) + entry * len(tags) + inline
    for code, (kind, value) in sorted(tags.items()):
        data = value if isinstance(value, bytes) else struct.pack(f"{order}{len(value)}{LETTERS[kind]}", *value)
        head += struct.pack(order + "HH" + letter, code, kind, len(data) // SIZES[kind])
        if len(data) <= inline:
            head += data.ljust(inline, b"\0")
        else:
            head += struct.pack(order + letter, body_at + len(body))
            body += data + b"\0" * (len(data) % 2)
    return head + bytes(inline) + body


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes], late: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """Return a PNG with further chunks behind its header, and others behind its pixels."""
    early = b"".join(png_chunk(*chunk) for chunk in chunks)
    end = png.index(b"IEND") - 4
    return png[:33] + early + png[33:end] + b"".join(png_chunk(*chunk) for chunk in late) + png[end:]


def segment(marker: int, content: bytes) -> bytes:
    """Return one segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Return a JPEG with further segments behind its start mark."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    """Return one Photoshop image resource."""
    label = bytes([len(name)]) + name
    label += b"\0" * (len(label) % 2)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + label
        + struct.pack(">I", len(content))
        + content
        + bytes(len(content) % 2)
    )


def box(kind: bytes, content: bytes) -> bytes:
    """Return one box of a JPEG 2000."""
    return struct.pack(">I", len(content) + 8) + kind + content


def png_of_bits(pixels: NDArray[Any], bits: int, colour: int, key: bytes = b"") -> bytes:
    """Return a PNG of any bit depth with a transparent colour, which few programs write."""
    height, width = pixels.shape[:2]
    if bits == 16:
        rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    else:
        spread = np.unpackbits(pixels.astype(np.uint8)[..., None], axis=-1)[..., -bits:]
        rows = np.packbits(spread.reshape(height, -1), axis=1)
    stored = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))]
    parts += [png_chunk(b"tRNS", key)] if key else []
    parts += [png_chunk(b"IDAT", zlib.compress(stored)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
