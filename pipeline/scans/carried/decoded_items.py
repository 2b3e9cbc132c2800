"""List what decoding kept, the same for every format."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans.carried import blocks, tags
from pipeline.scans.metadata_item import Item
from pipeline.scans.model import Metadata
from pipeline.scans.png_text import is_text, read_text


def items(metadata: Metadata) -> Iterator[Item]:
    """Yield the items of decoded metadata."""
    yield from blocks.icc(metadata.icc)
    yield from tags.block(metadata.exif)
    yield from blocks.xmp_packet(metadata.xmp)
    yield from blocks.iptc(metadata.iptc)
    yield from blocks.resources(metadata.photoshop, metadata.iptc)
    yield from blocks.resolution(metadata.dpi)
    for kind, content in metadata.png_chunks:
        if is_text(kind):
            yield blocks.text(*read_text(kind, content))
