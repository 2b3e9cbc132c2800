"""Read and write text chunks of PNG: Latin-1 (tEXt, zTXt), UTF-8 (iTXt), and blocks of bytes as hexadecimal text."""

from __future__ import annotations

import zlib

XMP_KEY = b"XML:com.adobe.xmp"
#: ImageMagick's convention, which other programs read too.
RAW_KEY = b"Raw profile type "
IPTC, RESOURCES = b"iptc", b"8bim"
COMMENT = b"Comment"
MAX_TEXT = 64 << 20


class BrokenText(ValueError):
    """A compressed text is damaged, or larger than `MAX_TEXT`."""


def inflate(data: bytes) -> bytes:
    """Return a compressed text or profile.

    Raises:
        BrokenText: it is damaged or larger than `MAX_TEXT`.
    """
    worker = zlib.decompressobj()
    try:
        text = worker.decompress(data, MAX_TEXT)
    except zlib.error as error:
        raise BrokenText("a compressed text in it is damaged") from error
    if worker.unconsumed_tail:
        raise BrokenText("a compressed text in it is larger than 64 MB")
    return text


def text_chunk(key: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Return type and content of the chunk for a text of unknown encoding: UTF-8 where it is valid, else Latin-1."""
    clean = text.replace(b"\0", b" ").strip()
    try:
        clean.decode()
    except UnicodeDecodeError:
        return b"tEXt", key + b"\0" + clean
    return (b"tEXt", key + b"\0" + clean) if clean.isascii() else (b"iTXt", key + b"\0\0\0\0\0" + clean)


def read_text(kind: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return keyword and text of a chunk, in the chunk's own encoding.

    Raises:
        BrokenText: it is compressed and damaged.
    """
    key, _, rest = content.partition(b"\0")
    if kind == b"tEXt":
        return key, rest
    if kind == b"zTXt":
        return key, inflate(rest[1:])
    is_packed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]
    return key, inflate(text) if is_packed else text


def utf8(text: bytes) -> bytes:
    """Return a text of unknown encoding as UTF-8: as it is where that is valid, else read as Latin-1."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    return text


def is_text(kind: bytes) -> bool:
    """Return whether a chunk of that type is a text."""
    return kind in (b"tEXt", b"zTXt", b"iTXt")


def raw_profile(name: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Return type and content of the chunk for a block of bytes: its name, length, and hexadecimal digits."""
    digits = data.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name.decode()}\n{len(data):8d}\n{lines}\n".encode()
    return b"zTXt", RAW_KEY + name + b"\0\0" + zlib.compress(text)


def read_raw_profile(text: bytes) -> bytes:
    """Return the bytes in the text of a raw profile.

    Raises:
        BrokenText: they are not hexadecimal.
    """
    # A blank line, the name (which may have spaces), the length, and lines of digits.
    digits = text.strip().partition(b"\n")[2].strip().partition(b"\n")[2]
    try:
        return bytes.fromhex(b"".join(digits.split()).decode("ascii"))
    except ValueError as error:
        raise BrokenText("a block of metadata in it is damaged") from error
