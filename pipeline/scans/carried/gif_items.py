"""List what a GIF carries."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans import gif
from pipeline.scans.carried import blocks
from pipeline.scans.metadata_item import Item, Why, item
from pipeline.scans.model import Metadata
from pipeline.scans.png_text import read_text

LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def items(data: bytes, metadata: Metadata) -> Iterator[Item]:
    """Yield the items of a GIF."""
    yield from blocks.icc(metadata.icc)
    yield from blocks.xmp_packet(metadata.xmp)
    for kind, content in metadata.png_chunks:
        yield blocks.text(*read_text(kind, content))
    for label, name, content in gif.extensions(data):
        if label == gif.TEXT:
            yield item("GIF plain text", content, content.decode("latin-1"))
        elif label == gif.APPLICATION and name not in (gif.XMP, gif.PROFILE):
            why = Why.PICTURE if name in LOOPS else None
            yield item(f"GIF {name.decode('latin-1')}", content, f"{len(content)} bytes", why)
