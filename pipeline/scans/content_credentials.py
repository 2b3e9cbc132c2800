"""Find the content credentials (C2PA) in a file, as they are: a JUMBF superbox.

Source: C2PA specification 2.2, appendix A: `caBX` of PNG, APP11 of JPEG (ISO 19566-5, annex D), tag 52545 of TIFF.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import tifffile

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
TIFF_TAG = 52545
CHUNK, PIXELS = b"caBX", (b"IDAT", b"IEND")
APP11, START_OF_SCAN = 0xEB, 0xDA
#: Bytes of a segment before its part of a box: `JP`, the box's number, the part's number, length and type of the box.
PART, BOX = struct.Struct(">2sHI"), 8
# Larger ones are not kept: no camera writes them, and a file may claim any length.
LARGEST = 64 << 20


def find_credentials(stream: BinaryIO) -> bytes | None:
    """Return the credentials of a PNG, JPEG or TIFF; None without any, or where the file is none of these or broken.

    Nothing behind the beginning of the pixels is read.
    """
    head = stream.read(8)
    stream.seek(0)
    try:
        if head == PNG:
            return _of_png(stream)
        if head[:2] == JPEG:
            return _of_jpeg(stream)
        if head[:2] in (b"II", b"MM"):
            return _of_tiff(stream)
    except (ValueError, struct.error, tifffile.TiffFileError, KeyError, IndexError, EOFError):
        return None
    return None


def _of_png(stream: BinaryIO) -> bytes | None:
    stream.seek(len(PNG))
    while len(header := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        if name == CHUNK and length <= LARGEST:
            return stream.read(length)
        if name in PIXELS:
            return None
        stream.seek(length + 4, 1)
    return None


def _of_jpeg(stream: BinaryIO) -> bytes | None:
    """Return the first box that is divided among APP11 segments."""
    stream.seek(2)
    number, parts = -1, list[bytes]()
    while len(marker := stream.read(2)) == 2 and marker[0] == 0xFF and marker[1] != START_OF_SCAN:
        length = struct.unpack(">H", stream.read(2))[0] - 2
        data = stream.read(length)
        if marker[1] != APP11 or data[:2] != b"JP":
            continue
        _, box, _ = PART.unpack_from(data)
        content = data[PART.size :]
        if number < 0 and content[4:8] == b"jumb":
            number = box
            parts.append(content)
        elif box == number:
            # Length and type of the box are repeated in every part.
            parts.append(content[BOX:])
    return b"".join(parts) or None


def _of_tiff(stream: BinaryIO) -> bytes | None:
    with tifffile.TiffFile(stream) as file:
        tag = file.pages[0].tags.get(TIFF_TAG)
        if tag is None or tag.count > LARGEST:
            return None
        value = tag.value
        return bytes(value) if isinstance(value, bytes | tuple) else None
