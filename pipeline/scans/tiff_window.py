"""Decode a part of a TIFF from the strips or tiles that it lies in, for a viewer that cannot wait for the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.mapped import FileData
from pipeline.imaging.types import Pixels
from pipeline.scans import tiff, tiff_segments
from pipeline.scans.decode import inspect
from pipeline.scans.depth import WHOLE
from pipeline.scans.formats import sniff
from pipeline.scans.ifd import Directory
from pipeline.scans.model import Limits, Metadata, Scan
from pipeline.scans.rejections import rejection
from pipeline.scans.tiff_segments import Segments
from pipeline.scans.tiff_tags import BITS, BLACK_IS_ZERO, ICC, PHOTOMETRIC, PLANAR, RGB, SAMPLES, SEPARATED, WIDTH
from pipeline.scans.tones import DARK, FULL

MOST_BYTES = 64 << 20
"""Bytes of a decoded strip or tile; of a file with larger ones a part costs as much as the whole."""
PLAIN = {BLACK_IS_ZERO, RGB, SEPARATED}
SAMPLED = 3
"""Strips or tiles of which one must be bright, so that 16 bits without a profile are taken for ordinary tones."""


def decode_window(data: FileData, name: str, *, max_megapixels: float, box: list[int]) -> Scan:
    """Return a part of a scan, with the header of the whole; nothing beyond its strips or tiles is checked.

    Args:
        box: x, y, width and height, as the file stores its rows and columns.

    Raises:
        UnreadableScan: UNSUPPORTED where only the whole file can be decoded, or shows how it is to be seen.
    """
    if sniff(data) != "TIFF":
        raise _whole(name)
    info = inspect(data, name, Limits(max_megapixels=max_megapixels))
    pages = tiff.read_pages(data, name)
    number, _ = tiff.main_page(pages)
    page = pages[number]
    segments = tiff_segments.find(data, page, name)
    bits = page.number(BITS, 1)
    size = segments.height * tiff_segments.row_bytes(page, segments.width)
    if page.number(PHOTOMETRIC, 1) not in PLAIN or bits not in WHOLE or bits < 8 or size > MOST_BYTES:
        raise _whole(name)
    profile = page.tags[ICC].stored(page.order) if ICC in page.tags else None
    with tiff.opened_page(data, number, segments) as stored:
        if bits == 16 and not profile and not _is_bright(data, stored, segments):
            raise _whole(name)
        pixels = _read(data, stored, page, segments, box)
    return Scan(pixels[..., 0] if info.channels == 1 else pixels, info, Metadata(icc=profile))


def _whole(name: str) -> UnreadableScan:
    return rejection(Reason.UNSUPPORTED, name, "only the whole of it can be decoded")


def _read(data: FileData, stored: tifffile.TiffPage, page: Directory, segments: Segments, box: list[int]) -> Pixels:
    """Return the pixels (h,w,C) of a box."""
    x, y, width, height = box
    samples = page.number(SAMPLES, 1)
    planar = page.number(PLANAR, 1) == 2 and samples > 1
    assert stored.dtype is not None
    out = np.zeros((height, width, samples), stored.dtype)
    across = -(-page.number(WIDTH, 0) // segments.width)
    each = len(segments.start) // samples if planar else 0
    for plane in range(samples if planar else 1):
        for row in range(y // segments.height, (y + height - 1) // segments.height + 1):
            for column in range(x // segments.width, (x + width - 1) // segments.width + 1):
                part = _decoded(data, stored, segments, plane * each + row * across + column)
                top, left = row * segments.height, column * segments.width
                rows = slice(max(y, top), min(y + height, top + part.shape[0]))
                columns = slice(max(x, left), min(x + width, left + part.shape[1]))
                target = out[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
                source = part[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
                target[..., plane : plane + 1 if planar else None] = source
    return out


def _decoded(data: FileData, stored: tifffile.TiffPage, segments: Segments, number: int) -> NDArray[Any]:
    """Return the values (h,w,C) of a strip or tile."""
    start, size = int(segments.start[number]), int(segments.size[number])
    part, _, shape = stored.decode(bytes(data[start : start + size]), number, jpegtables=stored.jpegtables)
    if part is None:
        raise rejection(Reason.TRUNCATED, stored.parent.filehandle.name, "a strip or tile of the TIFF is empty")
    values: NDArray[Any] = part[0, : shape[1], : shape[2]]
    return values


def _samples(segments: Segments) -> Iterator[int]:
    for step in range(1, SAMPLED + 1):
        yield step * len(segments.start) // (SAMPLED + 1)


def _is_bright(data: FileData, stored: tifffile.TiffPage, segments: Segments) -> bool:
    """Return whether a scan is surely not one of the very dark ones, which are shown stretched, see `tones`."""
    return any(
        np.percentile(_decoded(data, stored, segments, number)[::4, ::4], 90) > 2 * DARK * FULL
        for number in _samples(segments)
    )
