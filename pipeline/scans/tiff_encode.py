"""Encode TIFF: strips with horizontal differencing, compressed in parallel; BigTIFF where 4 GB are not enough.

tifffile's writer is not used: it cannot write the EXIF and GPS directories that masters carry, and it puts the
directory before the strips, which would change every file's bytes.
"""

from __future__ import annotations

import io
import os
import struct
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.scans import ifd, tiff, tiff_tags
from pipeline.scans.deflate import deflate
from pipeline.scans.depth import are_levels, packed, to_levels
from pipeline.scans.ifd import ASCII, BYTE, LONG, LONG8, RATIONAL, SHORT, UNDEFINED, Directory, Tag
from pipeline.scans.maker_notes import moved
from pipeline.scans.model import Metadata, Scan
from pipeline.scans.png_text import COMMENT, is_text, read_text, utf8
from pipeline.scans.thumbnails import resources_without_thumbnail

ADOBE_DEFLATE, HORIZONTAL = 8, 2
PREDICTOR, DESCRIPTION = 317, 270
NO_UNIT, INCH = 1, 2
STRIP = 1 << 20
PHOTOMETRIC = {"L": 1, "LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5}


def encode(scan: Scan) -> bytes:
    """Return a scan as TIFF: lossless, deflate, metadata as tags, in the byte order of the master's EXIF tags."""
    pixels = scan.pixels if scan.pixels.ndim == 3 else scan.pixels[..., None]
    height, width, channels = pixels.shape
    rows = max(1, STRIP // max(1, width * channels * pixels.itemsize))
    tops = range(0, height, rows)
    metadata = _tags(scan.metadata)
    order = metadata.order
    stored = scan.info.stored_bits
    few = stored if stored and are_levels(pixels, stored) else 0
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        strips = deque(pool.map(lambda top: _strip(pixels[top : top + rows], order, few), tops))
    sizes = np.array([len(strip) + len(strip) % 2 for strip in strips], np.uint64)
    # 16 MB leave room for the directory and small metadata.
    size = int(sizes.sum()) + sum(len(tag.data) for tag in metadata.tags.values()) + (16 << 20)
    big = size > 2**32 or ifd.is_wide(metadata)
    start = 16 if big else 8
    offsets = start + np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.uint64)
    end = start + int(sizes.sum())
    bits = few or pixels.itemsize * 8
    tags = {
        tiff_tags.SUBFILE: Tag.of(LONG, [0]),
        tiff_tags.WIDTH: Tag.of(LONG, [width]),
        tiff_tags.HEIGHT: Tag.of(LONG, [height]),
        tiff_tags.BITS: Tag.of(SHORT, [bits] * channels),
        tiff_tags.COMPRESSION: Tag.of(SHORT, [ADOBE_DEFLATE]),
        tiff_tags.PHOTOMETRIC: Tag.of(SHORT, [PHOTOMETRIC[scan.mode]]),
        tiff_tags.OFFSETS: Tag.of(LONG8 if big else LONG, offsets),
        tiff_tags.SAMPLES: Tag.of(SHORT, [channels]),
        tiff_tags.ROWS: Tag.of(LONG, [rows]),
        tiff_tags.COUNTS: Tag.of(LONG8 if big else LONG, [len(strip) for strip in strips]),
        tiff_tags.PLANAR: Tag.of(SHORT, [1]),
    }
    if not few:
        tags[PREDICTOR] = Tag.of(SHORT, [HORIZONTAL])
    if scan.mode in ("LA", "RGBA"):
        tags[tiff_tags.EXTRA_SAMPLES] = Tag.of(SHORT, [scan.metadata.alpha_kind])
    if scan.mode == "CMYK":
        tags[tiff_tags.INK_SET] = Tag.of(SHORT, [1])
    directory = replace(metadata, tags={**metadata.tags, **tags})
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(order + "2sHHHQ", mark, 43, 8, 0, end) if big else struct.pack(order + "2sHI", mark, 42, end)
    file = io.BytesIO()
    file.write(header)
    # Each strip is released once written, so that the file is not in memory twice.
    while strips:
        strip = strips.popleft()
        file.write(strip + b"\0" * (len(strip) % 2))
    file.write(ifd.serialise(directory, end, big=big, move=moved))
    return file.getvalue()


def _strip(rows: NDArray[np.uint8] | NDArray[np.uint16], order: str, few: int) -> bytes:
    """Return rows (h,W,C) as one compressed strip; with `few` bits for each value where that is not 0."""
    if few:
        return deflate(packed(to_levels(rows, few), few))
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    return deflate(differences.astype(f"{order}u{rows.itemsize}", copy=False))


def _tags(metadata: Metadata) -> Directory:
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
    if metadata.iptc:
        tags[tiff_tags.IPTC] = Tag.of(UNDEFINED, metadata.iptc)
    resources = resources_without_thumbnail(metadata.photoshop or b"")
    if resources:
        tags[tiff_tags.PHOTOSHOP] = Tag.of(BYTE, resources)
    return Directory(tags, described.children, order=source.order)


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
