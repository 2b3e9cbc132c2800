"""Encode TIFF: strips with horizontal differencing, compressed in parallel; BigTIFF where 4 GB are not enough.

Only compressions of TIFF 6.0 are written, which all readers and validators know. tifffile has no part in it: it cannot
write the EXIF and GPS directories that masters carry, and it puts the directory before the strips, which would change
every file's bytes.
"""

from __future__ import annotations

import io
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, BinaryIO, cast

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.mapped import IN_MEMORY, FileData, Mapping, release, reserving, unnamed_file
from pipeline.scans import ifd, tiff_tags
from pipeline.scans.depth import are_levels, packed, to_levels
from pipeline.scans.ifd import LONG, LONG8, RATIONAL, SHORT, Tag
from pipeline.scans.maker_notes import moved
from pipeline.scans.model import Scan
from pipeline.scans.tiff_metadata import tags_of

LZW, HORIZONTAL, NO_UNIT = 5, 2, 1
PREDICTOR = 317
STRIP = 1 << 20
#: LZW codes of at most 12 bits for 8: no strip grows by more.
MOST_GROWTH = 1.6
#: Strips after which the pages of a mapped scan are dropped.
RELEASE = 32
PHOTOMETRIC = {"L": 1, "LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5}

Rows = NDArray[np.uint8] | NDArray[np.uint16]


def encode(scan: Scan) -> FileData:
    """Return a scan as TIFF: lossless, metadata as tags, in the byte order of the master's EXIF tags.

    It is compressed by LZW where that saves anything, which 16-bit photographs seldom do. Of a large scan some strips
    are in memory at a time, and the file lies in an unnamed one.

    Raises:
        NoRoom: the disk for temporary files is full.
    """
    if scan.pixels.nbytes <= IN_MEMORY:
        memory = io.BytesIO()
        _write(scan, memory)
        return memory.getvalue()
    descriptor = unnamed_file(None)
    with reserving(), os.fdopen(descriptor, "w+b") as file:
        size = _write(scan, file)
        file.flush()
        return Mapping.of(descriptor, size)


def _write(scan: Scan, file: BinaryIO) -> int:
    """Write a scan as TIFF into a file; return the number of its bytes."""
    pixels = scan.pixels if scan.pixels.ndim == 3 else scan.pixels[..., None]
    height, width, channels = pixels.shape
    rows = max(1, STRIP // max(1, width * channels * pixels.itemsize))
    metadata = tags_of(scan.metadata)
    order = metadata.order
    stored = scan.info.stored_bits
    few = stored if stored and are_levels(pixels, stored) else 0
    bits = few or pixels.itemsize * 8
    bands = [pixels[top : top + rows] for top in range(0, height, rows)]
    plain = [len(band) * -(-width * channels * bits // 8) for band in bands]
    middle = len(bands) // 2
    is_packed = len(_compressed(bands[middle], order, few)) < plain[middle]

    def strips() -> Iterator[bytes]:
        for number, strip in enumerate(_in_turn(lambda band: _stored(band, order, few, is_packed), bands)):
            yield strip
            if number % RELEASE == 0:
                release(pixels)

    # 16 MB leave room for the directory and small metadata.
    rest = sum(len(tag.data) for tag in metadata.tags.values()) + (16 << 20)
    counts = plain
    if is_packed and MOST_GROWTH * sum(plain) + rest > 2**32:
        # Whether offsets of 32 bits are enough decides where the first strip begins.
        counts = [len(strip) for strip in strips()]
    big = sum(count + count % 2 for count in counts) + rest > 2**32 or ifd.is_wide(metadata)
    start = 16 if big else 8
    file.write(bytes(start))
    counts = []
    for strip in strips():
        counts.append(len(strip))
        file.write(strip + b"\0" * (len(strip) % 2))
    sizes = np.array([count + count % 2 for count in counts], np.uint64)
    offsets = start + np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.uint64)
    end = start + int(sizes.sum())
    tags = {
        tiff_tags.SUBFILE: Tag.of(LONG, [0]),
        tiff_tags.WIDTH: Tag.of(LONG, [width]),
        tiff_tags.HEIGHT: Tag.of(LONG, [height]),
        tiff_tags.BITS: Tag.of(SHORT, [bits] * channels),
        tiff_tags.COMPRESSION: Tag.of(SHORT, [LZW if is_packed else tiff_tags.NO_COMPRESSION]),
        tiff_tags.PHOTOMETRIC: Tag.of(SHORT, [PHOTOMETRIC[scan.mode]]),
        tiff_tags.OFFSETS: Tag.of(LONG8 if big else LONG, offsets),
        tiff_tags.SAMPLES: Tag.of(SHORT, [channels]),
        tiff_tags.ROWS: Tag.of(LONG, [rows]),
        tiff_tags.COUNTS: Tag.of(LONG8 if big else LONG, counts),
        tiff_tags.PLANAR: Tag.of(SHORT, [1]),
    }
    if is_packed and not few:
        tags[PREDICTOR] = Tag.of(SHORT, [HORIZONTAL])
    if scan.mode in ("LA", "RGBA"):
        tags[tiff_tags.EXTRA_SAMPLES] = Tag.of(SHORT, [scan.metadata.alpha_kind])
    if scan.mode == "CMYK":
        tags[tiff_tags.INK_SET] = Tag.of(SHORT, [1])
    if scan.info.format != "TIFF" and ifd.X_RESOLUTION not in metadata.tags:
        # The standard requires a resolution; square pixels of no known size are all that is known.
        tags |= {code: Tag.of(RATIONAL, [1, 1]) for code in (ifd.X_RESOLUTION, ifd.Y_RESOLUTION)}
        tags[ifd.RESOLUTION_UNIT] = Tag.of(SHORT, [NO_UNIT])
    directory = replace(metadata, tags={**metadata.tags, **tags})
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(order + "2sHHHQ", mark, 43, 8, 0, end) if big else struct.pack(order + "2sHI", mark, 42, end)
    file.write(ifd.serialise(directory, end, big=big, move=moved))
    size = file.tell()
    file.seek(0)
    file.write(header)
    return size


def _in_turn(work: Callable[[Rows], bytes], bands: Sequence[Rows]) -> Iterator[bytes]:
    """Yield what the work returns for each band, in their order; some threads are a few bands ahead."""
    threads = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[bytes]] = deque()
        for band in bands:
            waiting.append(pool.submit(work, band))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _stored(rows: Rows, order: str, few: int, is_packed: bool) -> bytes:
    """Return rows (h,W,C) as one strip."""
    return _compressed(rows, order, few) if is_packed else _plain(rows, order, few)


def _plain(rows: Rows, order: str, few: int) -> bytes:
    """Return rows (h,W,C) as one strip without compression; with `few` bits for each value where that is not 0."""
    if few:
        return packed(to_levels(rows, few), few).tobytes()
    return rows.astype(f"{order}u{rows.itemsize}", copy=False).tobytes()


def _compressed(rows: Rows, order: str, few: int) -> bytes:
    """Return rows (h,W,C) as one compressed strip, of differences where values are whole bytes."""
    if few:
        return bytes(imagecodecs.lzw_encode(_plain(rows, order, few)))
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    # The type stubs only allow bytes, the codec takes any buffer.
    return bytes(imagecodecs.lzw_encode(cast(Any, differences.astype(f"{order}u{rows.itemsize}", copy=False))))
