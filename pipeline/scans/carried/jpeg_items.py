"""List what a JPEG carries."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans import jpeg
from pipeline.scans.carried import blocks, tags
from pipeline.scans.metadata_item import Item, Why, item
from pipeline.scans.model import Metadata
from pipeline.scans.png_text import COMMENT

APPLICATION = range(0xE0, 0xF0)
JFIF, JFXX, MPF, ADOBE, DUCKY, JUMBF = b"JFIF\0", b"JFXX\0", b"MPF\0", b"Adobe", b"Ducky", b"JP"
END = b"\xff\xd9"


def items(data: bytes, metadata: Metadata) -> Iterator[Item]:
    """Yield the items of a JPEG."""
    yield from blocks.icc(metadata.icc)
    yield from tags.block(metadata.exif)
    yield from blocks.xmp_packet(metadata.xmp)
    yield from blocks.iptc(metadata.iptc)
    yield from blocks.resources(metadata.photoshop, metadata.iptc)
    header = jpeg.read_header(data, "")
    yield from blocks.resolution(metadata.dpi, header.aspect)
    for comment in header.comments:
        if comment.strip(b"\0 "):
            yield blocks.text(COMMENT, comment)
    joined = metadata.xmp != header.xmp
    # What does not fit into one segment goes on in the next of the same name.
    whole: dict[str, tuple[bytes, Why | None]] = {}
    for marker, content in jpeg.segments(data, ""):
        for label, part, why in _segment(marker - 0xE0, content, joined) if marker in APPLICATION else ():
            whole[label] = (whole[label][0] + part if label in whole else part, why)
    for label, (content, why) in whole.items():
        yield item(label, content, f"{len(content)} bytes", why)
    after = data[data.rfind(END) + 2 :]
    if after.strip(b"\0\xff"):
        yield item("data after the picture", after, f"{len(after)} bytes", Why.TRAILER)


def _segment(number: int, content: bytes, joined: bool) -> Iterator[tuple[str, bytes, Why | None]]:
    """Yield name, content and fate of an application segment that has no item of its own yet."""
    if number == 0 and content.startswith(JFIF):
        if len(content) > 14 and content[12] and content[13]:
            yield "JFIF thumbnail", content[14:], Why.THUMBNAIL
        return
    blocks_read = (jpeg.EXIF, jpeg.XMP, jpeg.ICC, jpeg.PHOTOSHOP)
    if content.startswith(blocks_read) or (number == 14 and content.startswith(ADOBE)):
        return
    if content.startswith(jpeg.EXTENDED_XMP):
        if not joined:
            yield "XMP extension that is incomplete", content, Why.BROKEN
        return
    name = content[:32].partition(b"\0")[0].decode("latin-1")
    label = f"JPEG APP{number}" + (f" {name}" if name.isascii() and name.isprintable() and name else "")
    why = None
    if number == 0 and content.startswith(JFXX):
        why = Why.THUMBNAIL
    elif number == 2 and content.startswith(MPF):
        why = Why.PICTURE
    elif number == 11 and content.startswith(JUMBF):
        why = Why.SIGNATURE
    elif number == 12 and content.startswith(DUCKY):
        why = Why.STORAGE
    yield label, content, why
