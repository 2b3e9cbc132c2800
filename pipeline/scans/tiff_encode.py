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
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.scans import ifd, tiff
from pipeline.scans.deflate import deflate
from pipeline.scans.ifd import ASCII, BYTE, LONG, LONG8, RATIONAL, SHORT, UNDEFINED, Directory, Tag
from pipeline.scans.model import Metadata, Scan
from pipeline.scans.photoshop import with_iptc

ADOBE_DEFLATE, HORIZONTAL = 8, 2
PREDICTOR = 317
STRIP = 1 << 20
PHOTOMETRIC = {"L": 1, "LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5}


def encode(scan: Scan) -> bytes:
    """Return a scan as TIFF: lossless, deflate, metadata as tags."""
    pixels = scan.pixels if scan.pixels.ndim == 3 else scan.pixels[..., None]
    height, width, channels = pixels.shape
    rows = max(1, STRIP // max(1, width * channels * pixels.itemsize))
    tops = range(0, height, rows)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        strips = deque(pool.map(lambda top: _strip(pixels[top : top + rows]), tops))
    sizes = np.array([len(strip) + len(strip) % 2 for strip in strips], np.uint64)
    metadata = _tags(scan.metadata)
    # 16 MB leave room for the directory and small metadata.
    big = int(sizes.sum()) + sum(len(tag.data) for tag in metadata.tags.values()) + (16 << 20) > 2**32
    start = 16 if big else 8
    offsets = start + np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.uint64)
    end = start + int(sizes.sum())
    bits = pixels.itemsize * 8
    tags = {
        tiff.SUBFILE: Tag.of(LONG, [0]),
        tiff.WIDTH: Tag.of(LONG, [width]),
        tiff.HEIGHT: Tag.of(LONG, [height]),
        tiff.BITS: Tag.of(SHORT, [bits] * channels),
        tiff.COMPRESSION: Tag.of(SHORT, [ADOBE_DEFLATE]),
        tiff.PHOTOMETRIC: Tag.of(SHORT, [PHOTOMETRIC[scan.mode]]),
        tiff.OFFSETS: Tag.of(LONG8 if big else LONG, offsets),
        tiff.SAMPLES: Tag.of(SHORT, [channels]),
        tiff.ROWS: Tag.of(LONG, [rows]),
        tiff.COUNTS: Tag.of(LONG8 if big else LONG, [len(strip) for strip in strips]),
        tiff.PLANAR: Tag.of(SHORT, [1]),
        PREDICTOR: Tag.of(SHORT, [HORIZONTAL]),
    }
    if scan.mode in ("LA", "RGBA"):
        tags[tiff.EXTRA_SAMPLES] = Tag.of(SHORT, [scan.metadata.alpha_kind])
    if scan.mode == "CMYK":
        tags[tiff.INK_SET] = Tag.of(SHORT, [1])
    directory = Directory({**metadata.tags, **tags}, metadata.children)
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, end) if big else struct.pack("<2sHI", b"II", 42, end)
    file = io.BytesIO()
    file.write(header)
    # Each strip is released once written, so that the file is not in memory twice.
    while strips:
        strip = strips.popleft()
        file.write(strip + b"\0" * (len(strip) % 2))
    file.write(ifd.serialise(directory, end, big=big))
    return file.getvalue()


def _strip(rows: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Return rows (h,W,C) as one compressed strip."""
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    return deflate(differences.astype(differences.dtype.newbyteorder("<"), copy=False))


def _tags(metadata: Metadata) -> Directory:
    """Return the tags and sub-directories of the metadata."""
    source = ifd.read_exif_block(metadata.exif)
    tags = {code: tag for code, tag in source.tags.items() if code not in tiff.STRUCTURE and tag.type != LONG8}
    for code in (ifd.X_RESOLUTION, ifd.Y_RESOLUTION, ifd.RESOLUTION_UNIT):
        tags.pop(code, None)
    if metadata.dpi:
        for code, value in zip((ifd.X_RESOLUTION, ifd.Y_RESOLUTION), metadata.dpi, strict=True):
            ratio = Fraction(value).limit_denominator(10_000)
            tags[code] = Tag.of(RATIONAL, [min(ratio.numerator, 2**32 - 1), ratio.denominator])
        tags[ifd.RESOLUTION_UNIT] = Tag.of(SHORT, [2])
    for kind, content in metadata.png_chunks:
        if kind == b"tEXt" and content.startswith(b"Comment\0") and 270 not in tags:
            tags[270] = Tag.of(ASCII, content[8:] + b"\0")
    if metadata.icc:
        tags[tiff.ICC] = Tag.of(UNDEFINED, metadata.icc)
    if metadata.xmp:
        tags[tiff.XMP] = Tag.of(BYTE, metadata.xmp)
    if metadata.iptc:
        tags[tiff.IPTC] = Tag.of(UNDEFINED, metadata.iptc)
    if metadata.photoshop:
        resources = with_iptc(metadata.photoshop, metadata.iptc) if metadata.iptc else metadata.photoshop
        tags[tiff.PHOTOSHOP] = Tag.of(BYTE, resources)
    return Directory(tags, source.children)
