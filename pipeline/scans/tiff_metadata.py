"""Write metadata as TIFF tags."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np

from pipeline.scans import ifd, photoshop, tiff, tiff_tags
from pipeline.scans.ifd import ASCII, BYTE, LONG, RATIONAL, SHORT, TYPES, UNDEFINED, Directory, Tag
from pipeline.scans.model import Metadata
from pipeline.scans.photoshop import without
from pipeline.scans.png_text import COMMENT, is_text, read_text, utf8
from pipeline.scans.thumbnails import resources_without_thumbnail

DESCRIPTION = 270
NO_UNIT, INCH = 1, 2


def tags_of(metadata: Metadata) -> Directory:
    """Return the tags and sub-directories of the metadata."""
    source = ifd.read_exif_block(metadata.exif)
    described = tiff.descriptive(source) or Directory(order=source.order)
    tags = dict(described.tags) | _resolution(metadata, source)
    for kind, content in metadata.png_chunks:
        if is_text(kind) and content.startswith(COMMENT + b"\0") and DESCRIPTION not in tags:
            tags[DESCRIPTION] = Tag.of(ASCII, utf8(read_text(kind, content)[1]) + b"\0")
    if metadata.icc:
        tags[tiff_tags.ICC] = Tag.of(UNDEFINED, metadata.icc)
    if metadata.xmp:
        tags[tiff_tags.XMP] = Tag.of(BYTE, metadata.xmp)
    resources = resources_without_thumbnail(metadata.photoshop or b"")
    if metadata.iptc:
        iptc_kind = metadata.iptc_kind or (UNDEFINED if photoshop.has(resources, photoshop.IPTC_DIGEST) else LONG)
        tags[tiff_tags.IPTC] = _iptc(metadata.iptc, iptc_kind, source.order)
        if not metadata.iptc_kind:
            # The records have their own tag in TIFF; a second copy would be against the standard.
            resources = without(resources, photoshop.IPTC)
    if resources:
        tags[tiff_tags.PHOTOSHOP] = Tag.of(BYTE, resources)
    return Directory(tags, described.children, order=source.order)


def _iptc(records: bytes, kind: int, order: str) -> Tag:
    """Return the tag of IPTC-IIM records.

    The standard names numbers of 32 bits, whose padding a digest of the records would not fit.
    """
    padded = records + bytes(-len(records) % TYPES[kind][0])
    values = np.frombuffer(padded, order + TYPES[kind][1])
    return Tag.of(kind, values)


def _resolution(metadata: Metadata, source: Directory) -> dict[int, Tag]:
    """Return the tags of the resolution: those of the EXIF tags where they say the same, in their own unit."""
    axes = (ifd.X_RESOLUTION, ifd.Y_RESOLUTION)
    if metadata.dpi and metadata.dpi != ifd.resolution(source):
        ratios = [Fraction(value).limit_denominator(10_000) for value in metadata.dpi]
        tags = [Tag.of(RATIONAL, [min(ratio.numerator, 2**32 - 1), ratio.denominator]) for ratio in ratios]
        return dict(zip(axes, tags, strict=True)) | {ifd.RESOLUTION_UNIT: Tag.of(SHORT, [INCH])}
    kept = {code: ifd.as_rational(source.tags[code]) for code in axes if code in source.tags}
    for kind, content in metadata.png_chunks:
        if kind == b"pHYs" and len(content) == 9 and not kept:
            across, down = struct.unpack(">II", content[:8])
            kept = dict(zip(axes, (Tag.of(RATIONAL, [across, 1]), Tag.of(RATIONAL, [down, 1])), strict=True))
            kept[ifd.RESOLUTION_UNIT] = Tag.of(SHORT, [NO_UNIT])
    return kept
