"""Find zeros in a file where picture data should be: what a copy leaves of sectors that were never written.

Uncompressed pixels, and codecs without checksums or warnings, decode such a gap to a black, grey or garbled part. Black
in a picture also is zeros, so its place counts: a gap begins and ends where sectors of a file do, or in the middle of a
row of pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.mapped import FileData
from pipeline.imaging.types import Pixels

#: Top, left, bottom, right.
Box = tuple[int, int, int, int]
SECTOR, CLUSTER = 512, 4096
#: A shorter run is no lost sector, of which picture data on both sides may take away some bytes, which may be zero too.
SHORTEST = SECTOR - 12
#: Share of the bytes beside a gap that are not zero, from which on the gap cannot be part of a dark area.
CONTENT = 0.5
#: A black bar that a program drew can fit any place by chance; this share of such cases may be held for a look.
CHANCE = 0.01
#: A byte of zeros stores thousands of pixels of an even area in JPEG 2000 and lossy WebP, some hundred in JPEG,
#: and a few where each pixel has bits of its own.
EVEN_PIXELS_PER_BYTE, EVEN_PIXELS_PER_JPEG_BYTE, EVEN_PIXELS_PER_BITS = 1000, 64, 1
#: A shorter piece of a row may be a border of the picture.
LEAST_PART = 16
#: Fewer rows may be the black edge of a picture that was turned by less than a degree.
LEAST_ROWS = 4
BLOCK = 256
RUN = re.compile(rb"\0{%d,}" % SHORTEST)


@dataclass(frozen=True)
class Raster:
    """Uncompressed pixels as they lie in the file.

    Attributes:
        rows: (H,B) bytes, B bytes a row, contiguous.
        offsets: (H,) int64, where each row begins in the file.
        pixel: bytes of a pixel, at least 1.
        zero_is_paper: whether zeros are what an empty page consists of, and show nothing.
        beside: where the rows are those of tiles: returns whether there is picture beside rows from one to another.
    """

    rows: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    pixel: int
    zero_is_paper: bool = False
    beside: Callable[[int, int], bool] | None = None


def describe(start: int, length: int) -> str:
    """Return a doubt about a gap at a place of the file."""
    return (
        f"the file may be incomplete: {length:,} zero bytes from byte {start:,} on, where picture data should be;"
        " compare it with its source, and copy or scan it again"
    )


def find_in_codes(
    data: FileData, start: int, end: int, pixels: Pixels, *, pixels_per_byte: int = EVEN_PIXELS_PER_BYTE
) -> str:
    """Return the doubt about a run of zeros in entropy-coded data, empty without one.

    Such data has runs of zeros only where it stores even areas, of which a byte covers many pixels. Where the picture
    has enough of them, a run counts only if it begins as a sector does, and ends so or with the data.

    Args:
        start, end: where the codes lie in the file.
        pixels: what they decode to.
        pixels_per_byte: how many pixels of an even area one byte stores at least.
    """
    even = -1
    for found in RUN.finditer(data, start, end):
        at, stop = found.span()
        # Codes before and after a gap may have zero bytes of their own.
        if -at % SECTOR <= 2 and (stop % SECTOR <= 2 or stop >= end - 2):
            return describe(at, stop - at)
        even = _even_pixels(pixels) if even < 0 else even
        if even < (stop - at) * pixels_per_byte:
            return describe(at, stop - at)
    return ""


def _even_pixels(pixels: Pixels, side: int = 8) -> int:
    """Return how many pixels lie in squares of one value, as far as a sample of each square shows."""
    height, width = (length // side * side for length in pixels.shape[:2])
    corners = pixels[:height:side, :width:side]
    even = np.ones(corners.shape[:2], bool)
    for row in range(0, side, 5):
        for column in range(0, side, 5):
            same = pixels[row:height:side, column:width:side] == corners
            even &= same if same.ndim == 2 else same.all(axis=2)
    return int(np.count_nonzero(even)) * side * side


def find_in_pixels(raster: Raster) -> str:
    """Return the doubt about a gap in uncompressed pixels, empty without one."""
    rows, offsets = raster.rows, raster.offsets
    if not rows.size:
        return ""
    width = rows.shape[1]
    runs = _zero_runs(rows.reshape(-1))
    for start, end in runs:
        if _is_torn(raster, start, end) or _fits_sectors(raster, start, end, len(runs)):
            return describe(int(offsets[start // width]) + start % width, end - start)
    return ""


def _zero_runs(flat: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return start and end of the runs of zeros that are at least `SHORTEST` long."""
    whole = len(flat) // BLOCK * BLOCK
    # 256 bytes at a time: every run of that length contains a whole block.
    zero = ~flat[:whole].reshape(-1, BLOCK // 8, 8).view(np.uint64).any(axis=(1, 2))
    if not zero.any():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], zero, [False])).astype(np.int8)))
    found: list[tuple[int, int]] = []
    for start, end in zip(edges[::2] * BLOCK, edges[1::2] * BLOCK, strict=True):
        before = flat[max(0, start - BLOCK) : start].nonzero()[0]
        after = flat[end : end + 2 * BLOCK].nonzero()[0]
        first = max(0, start - BLOCK) + int(before[-1]) + 1 if len(before) else max(0, start - BLOCK)
        last = end + int(after[0]) if len(after) else min(len(flat), end + 2 * BLOCK)
        if last - first >= SHORTEST:
            found.append((int(first), int(last)))
    return found


def _is_torn(raster: Raster, start: int, end: int) -> bool:
    """Return whether zeros begin or end in the middle of a row beside picture, and reach over the rows between.

    A dark area has its own outline, and a black bar ends with a row; only a gap follows the order of the bytes in the
    file. Shorter gaps are recognised by `_fits_sectors` only.
    """
    if raster.zero_is_paper:
        return False
    rows, (height, width) = raster.rows, raster.rows.shape
    (top, left), (bottom, right) = divmod(start, width), divmod(end, width)
    if bottom - top < LEAST_ROWS or top == 0 or (raster.beside and not raster.beside(top + 1, bottom)):
        return False
    begins_inside = min(left, width - left) >= LEAST_PART
    above = rows[top - 1, left if begins_inside else 0 :]
    if end == rows.size:
        return begins_inside and is_content(above)
    ends_inside = min(right, width - right) >= LEAST_PART
    last = right if ends_inside else width
    below = rows[bottom + 1, :last] if bottom + 1 < height else rows[bottom, right:]
    return (begins_inside or ends_inside) and is_content(above) and is_content(below)


def is_content(values: NDArray[Any]) -> bool:
    """Return whether at least half of the values are not zero: there is a picture, if a dark one."""
    return bool(np.count_nonzero(values) >= CONTENT * values.size)


def _fits_sectors(raster: Raster, start: int, end: int, runs: int) -> bool:
    """Return whether a run begins and ends as sectors do, more often than by chance.

    A run of whole rows is what a black bar looks like; where rows are as long as sectors, it counts only if it is the
    one dark place in the picture.
    """
    width = raster.rows.shape[1]
    first = int(raster.offsets[start // width]) + start % width
    last = int(raster.offsets[(end - 1) // width]) + (end - 1) % width + 1
    is_tail = end == raster.rows.size
    slack = raster.pixel
    if start % width == 0 and (is_tail or end % width == 0):
        above = start // width - 1
        is_alone = runs == 1 and above >= 0 and is_content(raster.rows[above])
        return is_alone and first % CLUSTER == 0 and (is_tail or last % SECTOR == 0)
    for unit in (SECTOR, CLUSTER):
        if -first % unit > slack or not (is_tail or last % unit <= slack):
            continue
        chance = (slack + 1) / unit
        if runs * (chance if is_tail else chance * chance) < CHANCE:
            return True
    return False


def has_black(pixels: NDArray[Any], touched: list[Box], lost: list[Box]) -> bool:
    """Return whether a picture has zeros also away from its lost parts, so that black is one of its colours.

    Args:
        touched: the lost parts and those of which a gap may have taken a piece.
        lost: the parts that are zero throughout.
    """

    def zeros(top: int, left: int, bottom: int, right: int) -> int:
        part = pixels[top:bottom, left:right]
        return part.size - int(np.count_nonzero(part))

    away = zeros(0, 0, *pixels.shape[:2]) - sum(zeros(*box) for box in touched)
    return away > 0.1 * sum(zeros(*box) for box in lost)


class LostParts:
    """Where strips or tiles that are zero throughout begin and end."""

    def __init__(self, boxes: list[Box]) -> None:
        self.begin = {(top, left) for top, left, _, _ in boxes}
        self.end_below = {(bottom, left) for _, left, bottom, _ in boxes}
        self.end_right = {(top, right) for top, _, _, right in boxes}


def is_lost_part(pixels: NDArray[Any], box: Box, lost: LostParts) -> bool:
    """Return whether a strip or tile that is zero throughout lies among picture on all sides.

    Args:
        pixels: (H,W) or (H,W,C), as stored.
        box: of the part.
        lost: all such parts; a side where another one begins says nothing.
    """
    top, left, bottom, right = box
    height, width = pixels.shape[:2]
    sides = []
    if top > 0 and (top, left) not in lost.end_below:
        sides.append(pixels[top - 1, left:right])
    if bottom < height and (bottom, left) not in lost.begin:
        sides.append(pixels[bottom, left:right])
    if left > 0 and (top, left) not in lost.end_right:
        sides.append(pixels[top:bottom, left - 1])
    if right < width and (top, right) not in lost.begin:
        sides.append(pixels[top:bottom, right])
    return bool(sides) and all(is_content(side) for side in sides)
