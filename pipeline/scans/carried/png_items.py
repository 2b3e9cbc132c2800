"""List what a PNG carries."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans import png
from pipeline.scans.carried import blocks, tags
from pipeline.scans.metadata_item import Item, Why, item
from pipeline.scans.model import Metadata
from pipeline.scans.png_text import IPTC, RAW_KEY, RESOURCES, XMP_KEY, BrokenText, is_text, read_raw_profile, read_text

BLOCKS = {RAW_KEY + IPTC, RAW_KEY + RESOURCES, XMP_KEY}
LOST = {
    b"hIST": Why.STORAGE, b"acTL": Why.PICTURE, b"dSIG": Why.SIGNATURE, b"caBX": Why.SIGNATURE, b"iDOT": Why.STORAGE,
}  # fmt: skip
# Pixels and their form; what has an item of its own.
SILENT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"fcTL", b"fdAT"}


def items(data: bytes, metadata: Metadata) -> Iterator[Item]:
    """Yield the items of a PNG."""
    yield from blocks.icc(metadata.icc)
    if metadata.icc_name:
        name = metadata.icc_name.decode("latin-1")
        yield item("ICC profile's name", name, name)
    yield from tags.block(metadata.exif)
    yield from blocks.xmp_packet(metadata.xmp)
    yield from blocks.iptc(metadata.iptc)
    yield from blocks.resources(metadata.photoshop, metadata.iptc)
    yield from blocks.resolution(metadata.dpi)
    for kind, chunk in png.heads(data):
        content = bytes(chunk) if kind != b"IDAT" else b""
        if kind in SILENT:
            continue
        if is_text(kind):
            yield from _text(kind, content)
        elif kind == b"iCCP":
            if metadata.icc is None:
                yield item("ICC profile that is damaged", content, f"{len(content)} bytes", Why.BROKEN)
        elif kind == b"pHYs":
            if len(content) == 9 and content[8] == 0:
                across, down = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big")
                yield from blocks.resolution(None, (float(across), float(down)))
        else:
            is_safe = kind[3] & 0x20 or kind in png.EXPLAINED
            why = LOST.get(kind, None if is_safe else Why.UNSAFE)
            yield item(f"PNG {kind.decode('latin-1')}", content, content.hex(" ") if len(content) <= 16 else "", why)


def _text(kind: bytes, content: bytes) -> Iterator[Item]:
    """Yield a text, unless it is a block with items of its own."""
    key = content.partition(b"\0")[0]
    try:
        _, value = read_text(kind, content)
        if key in BLOCKS and key != XMP_KEY:
            read_raw_profile(value)
    except BrokenText:
        yield item(f"text {key.decode('latin-1')} that is damaged", content, f"{len(content)} bytes", Why.BROKEN)
        return
    if key not in BLOCKS:
        yield blocks.text(key, value, _languages(kind, content))


def _languages(kind: bytes, content: bytes) -> bytes:
    """Return the language and the translated keyword of an international text."""
    if kind != b"iTXt":
        return b""
    language, _, rest = content.partition(b"\0")[2][2:].partition(b"\0")
    return language + rest.partition(b"\0")[0]
