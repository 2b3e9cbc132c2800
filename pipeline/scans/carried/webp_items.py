"""List what a WebP carries."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans import webp
from pipeline.scans.carried import blocks, tags
from pipeline.scans.metadata_item import Item, item
from pipeline.scans.model import Metadata

SILENT = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}


def items(data: bytes, metadata: Metadata) -> Iterator[Item]:
    """Yield the items of a WebP."""
    yield from blocks.icc(metadata.icc)
    yield from tags.block(metadata.exif)
    yield from blocks.xmp_packet(metadata.xmp)
    yield from blocks.resolution(metadata.dpi)
    for kind, content in webp.chunks(data, ""):
        if kind not in SILENT:
            yield item(f"WebP {kind.decode('latin-1').strip()}", content, f"{len(content)} bytes")
