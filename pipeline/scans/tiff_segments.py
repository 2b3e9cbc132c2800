"""Check a TIFF's strips and tiles one by one: whether they are there, whole, and hold picture data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.mapped import FileData, release, scratch
from pipeline.scans import gaps, jpeg
from pipeline.scans.decoder_warnings import collected
from pipeline.scans.ifd import Directory
from pipeline.scans.rejections import rejection
from pipeline.scans.tiff_tags import (
    BITS,
    COMPRESSION,
    COUNTS,
    HEIGHT,
    JPEG,
    JPEG_TABLES,
    NO_COMPRESSION,
    OFFSETS,
    OLD_JPEG,
    PHOTOMETRIC,
    PLANAR,
    ROWS,
    SAMPLES,
    SUBSAMPLING,
    TILE_COUNTS,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    WHITE_IS_ZERO,
    WIDTH,
    YCBCR,
)  # fmt: skip

#: Compressions whose data libtiff itself decodes with a warning and no error: CCITT (2 to 4), LZW, JPEG, PackBits.
WARNED = {2, 3, 4, 5, OLD_JPEG, JPEG, 32771, 32773}
#: Compressions with checksums: deflate, LZMA, LERC.
CERTAIN = {8, 32946, 34925, 34887}
#: What libtiff says of damaged data; its other warnings concern tags.
DAMAGE = re.compile(
    r"corrupt(?!ion of tag)|premature|not enough data|bad code|line length mismatch|lack of data|read error|"
    r"uncompressed data|decoding error|too short|unexpected end|invalid code",
    re.IGNORECASE,
)
ABOUT_TAGS = re.compile(r"\b(tag|field|directory|count)\b", re.IGNORECASE)
MISSING = re.compile(r"premature|not enough|lack of data|read error|too short|unexpected end", re.IGNORECASE)
#: A smaller strip that is black throughout is just a dark row.
LEAST_ROWS, LEAST_BYTES = 8, 4096
END_OF_JPEG = b"\xff\xd9"


@dataclass(frozen=True)
class Segments:
    """The strips or tiles of one picture.

    Attributes:
        start, size: (n,) int64, in the file; sizes that the file does not state are those that the picture needs.
        tiled: tiles, not strips.
        height, width: of a whole strip or tile in pixels.
        is_stated: the file states all sizes.
    """

    start: NDArray[np.int64]
    size: NDArray[np.int64]
    tiled: bool
    height: int
    width: int
    is_stated: bool


def find(data: FileData, page: Directory, name: str) -> Segments:
    """Return where the strips or tiles of a picture are.

    Raises:
        UnreadableScan: the file does not say, or they are not all in it; decoders would fill gaps with black.
    """
    tiled = TILE_OFFSETS in page.tags
    offsets = page.tags.get(TILE_OFFSETS if tiled else OFFSETS)
    counts = page.tags.get(TILE_COUNTS if tiled else COUNTS)
    if offsets is None:
        if page.number(COMPRESSION, 1) == OLD_JPEG:  # one stream, to which a tag of its own points
            return Segments(np.empty(0, np.int64), np.empty(0, np.int64), tiled, 1, 1, True)
        raise rejection(Reason.UNREADABLE, name, "the TIFF does not say where its pixels are")
    width, height = page.number(WIDTH, 0), page.number(HEIGHT, 0)
    across = max(1, page.number(TILE_WIDTH, width)) if tiled else width
    down = max(1, page.number(TILE_HEIGHT, height)) if tiled else max(1, min(page.number(ROWS, height), height))
    start = offsets.values.astype(np.int64)
    size = counts.values.astype(np.int64) if counts is not None else np.zeros(len(start), np.int64)
    wanted = -(-width // max(1, across)) * -(-height // down) * _planes(page)
    if len(size) != len(start) or len(start) < wanted:
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are missing")
    segments = Segments(start, size, tiled, down, across, bool((size > 0).all()))
    if not size.any() and (start > 0).all():
        segments = _with_sizes(data, page, segments)
    if (segments.size <= 0).any() or (start <= 0).any():
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are empty")
    if (start + segments.size > len(data)).any():
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are beyond its end")
    if page.number(COMPRESSION, 1) == NO_COMPRESSION and (segments.size < _raw_sizes(page, segments)).any():
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are too short for their rows")
    return segments


def _planes(page: Directory) -> int:
    return page.number(SAMPLES, 1) if page.number(PLANAR, 1) == 2 else 1


def _with_sizes(data: FileData, page: Directory, segments: Segments) -> Segments:
    """Return segments with the sizes that follow from the rest of the file, where it states none at all."""
    if page.number(COMPRESSION, 1) == NO_COMPRESSION:
        size = _raw_sizes(page, segments)
    else:
        # As far as to the next one; decoders stop at the end of its codes.
        ends = np.append(np.sort(segments.start), len(data))
        size = ends[np.searchsorted(ends, segments.start, "right")] - segments.start
    return Segments(segments.start, size, segments.tiled, segments.height, segments.width, False)


def _raw_sizes(page: Directory, segments: Segments) -> NDArray[np.int64]:
    """Return the bytes (n,) that each strip or tile has uncompressed."""
    rows = np.full(len(segments.start), segments.height, np.int64)
    height = page.number(HEIGHT, 0)
    if not segments.tiled:
        strips = -(-height // segments.height)
        rows[strips - 1 :: strips] = height - (strips - 1) * segments.height
    if page.number(PHOTOMETRIC, 1) != YCBCR or page.number(SAMPLES, 1) != 3 or page.number(PLANAR, 1) == 2:
        return rows * row_bytes(page, segments.width)
    # Blocks of luminance, each followed by its two values of colour.
    found = page.tags[SUBSAMPLING].values.tolist() if SUBSAMPLING in page.tags else [2, 2]
    across, down = max(1, int(found[0])), max(1, int(found[-1]))
    sizes: NDArray[np.int64] = -(-rows // down) * (-(-segments.width // across) * (across * down + 2))
    return sizes


def row_bytes(page: Directory, width: int) -> int:
    """Return the bytes of one row of a strip or tile, uncompressed."""
    samples = 1 if page.number(PLANAR, 1) == 2 else page.number(SAMPLES, 1)
    return -(-width * samples * page.number(BITS, 1) // 8)


def check(
    data: FileData, page: Directory, number: int, segments: Segments, name: str, out: NDArray[Any] | None = None
) -> None:
    """Raise UnreadableScan where a codec finds strips or tiles cut off or damaged, though it would go on.

    Args:
        number: of the picture's directory.
        out: an array for the picture, whose values do not matter afterwards; by default memory is taken.
    """
    compression = page.number(COMPRESSION, 1)
    if compression == JPEG:
        _check_jpeg(data, page, segments, name)
    if compression not in WARNED:
        return
    with collected() as messages:
        try:
            _decode_by_libtiff(data, number, out)
        except MemoryError:
            raise
        except Exception as error:  # libtiff does not know all kinds; what it can't read, others may
            messages.append(str(error))
    check_messages(messages, name)


def _decode_by_libtiff(data: FileData, number: int, out: NDArray[Any] | None) -> None:
    """Decode a picture by libtiff, for what it says of it."""
    if out is not None:
        try:
            imagecodecs.tiff_decode(data, index=number, verbose=1, out=out)
        except ValueError:  # libtiff's picture has another form than tifffile's
            pass
        else:
            return
    imagecodecs.tiff_decode(data, index=number, verbose=1)


def check_messages(messages: list[str], name: str) -> None:
    """Raise UnreadableScan where libtiff says that a strip or tile is cut off or damaged."""
    for message in messages:
        if DAMAGE.search(message) and not ABOUT_TAGS.search(message):
            raise damaged(name, MISSING.search(message) is not None)


def damaged(name: str, is_missing: bool) -> UnreadableScan:
    """Return the rejection of a picture of which a strip or tile is cut off, or damaged in itself."""
    if is_missing:
        return rejection(Reason.TRUNCATED, name, "a strip or tile of the TIFF ends before its last row")
    return rejection(Reason.UNREADABLE, name, "a strip or tile of the TIFF is damaged")


def _check_jpeg(data: FileData, page: Directory, segments: Segments, name: str) -> None:
    """Raise UnreadableScan unless every JPEG strip or tile is whole."""
    tables = page.tags[JPEG_TABLES].data if JPEG_TABLES in page.tags else b""
    head = tables[: tables.rfind(END_OF_JPEG)] if END_OF_JPEG in tables else b""
    for start, size in zip(segments.start.tolist(), segments.size.tolist(), strict=True):
        strip = data[start : start + size]
        if not strip.startswith(b"\xff\xd8"):
            raise damaged(name, not any(strip[:64]))
        filled = strip.rstrip(b"\0")
        if not filled.endswith(END_OF_JPEG) and END_OF_JPEG not in filled[-64:]:
            if len(strip) - len(filled) >= gaps.SHORTEST:
                raise damaged(name, True)
            strip += END_OF_JPEG  # libtiff reads rows, and does without it
        try:
            jpeg.check_whole((head + strip[2:]) if head else strip, 2, name)
        except UnreadableScan as error:
            raise damaged(name, error.reason == Reason.TRUNCATED) from error


def find_gap(data: FileData, page: Directory, segments: Segments, stored: NDArray[Any]) -> str:
    """Return the doubt about zeros where picture data should be, empty without one.

    Args:
        stored: (H,W) or (H,W,C), the values as stored.
    """
    compression = page.number(COMPRESSION, 1)
    if compression == NO_COMPRESSION:
        return _find_lost_part(data, page, segments, stored) or _find_in_pixels(data, page, segments, stored)
    if compression in CERTAIN:
        return ""
    share = gaps.EVEN_PIXELS_PER_JPEG_BYTE if compression == JPEG else gaps.EVEN_PIXELS_PER_BYTE
    for start, size in zip(segments.start.tolist(), segments.size.tolist(), strict=True):
        # After the end of its codes a strip may be padded.
        end = start + len(data[start : start + size].rstrip(b"\0"))
        if doubt := gaps.find_in_codes(data, start, end, stored, pixels_per_byte=share):
            return doubt
    return ""


def _find_in_pixels(data: FileData, page: Directory, segments: Segments, stored: NDArray[Any]) -> str:
    """Return the doubt about a gap in uncompressed strips or tiles, which are taken in the order of the file."""
    if page.number(PHOTOMETRIC, 1) == YCBCR:
        return ""
    width = row_bytes(page, segments.width)
    order = np.argsort(segments.start, kind="stable")
    starts, counts = segments.start[order], _raw_sizes(page, segments)[order] // max(1, width)
    first = np.repeat(starts - np.concatenate(([0], np.cumsum(counts)[:-1])) * width, counts)
    offsets = first + np.arange(len(first)) * width
    if (first == starts[0]).all():
        rows = np.frombuffer(data, np.uint8, len(offsets) * width, int(starts[0])).reshape(-1, width)
    else:
        whole = np.frombuffer(data, np.uint8)
        rows = scratch((len(offsets), width), np.uint8)
        done = 0
        for at, count in zip(starts.tolist(), counts.tolist(), strict=True):
            rows[done : done + count] = whole[at : at + count * width].reshape(-1, width)
            done += count
        release(data)

    if segments.tiled:
        rows = _without_padding(rows, page, segments, order)

    def beside(top: int, bottom: int) -> bool:
        """Return whether the first tile of some rows (of all tiles one below the other) has picture on a side."""
        number, row = divmod(top, segments.height)
        across = -(-stored.shape[1] // segments.width)
        y = int(order[number]) // across % -(-stored.shape[0] // segments.height) * segments.height
        x = int(order[number]) % across * segments.width
        here = slice(y + row, y + min(segments.height, row + bottom - top))
        sides = [stored[here, at] for at in (x - 1, x + segments.width) if 0 <= at < stored.shape[1]]
        return any(gaps.is_content(side) for side in sides if side.size)

    pixel = max(1, width // max(1, segments.width))
    paper = page.number(PHOTOMETRIC, 1) == WHITE_IS_ZERO
    return gaps.find_in_pixels(gaps.Raster(rows, offsets, pixel, paper, beside if segments.tiled else None))


def _without_padding(
    rows: NDArray[np.uint8], page: Directory, segments: Segments, order: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Return the rows (N,B) of tiles with ones in the places beyond the picture's edges, which hold no picture."""
    width, height = page.number(WIDTH, 0), page.number(HEIGHT, 0)
    across, down = -(-width // segments.width), -(-height // segments.height)
    tiles = (rows if rows.flags.writeable else rows.copy()).reshape(-1, segments.height, rows.shape[1])
    place = order % (across * down)
    if height % segments.height:
        tiles[place // across == down - 1, height % segments.height :] = 1
    if width % segments.width:
        tiles[place % across == across - 1, :, row_bytes(page, width % segments.width) :] = 1
    return tiles.reshape(rows.shape)


def _find_lost_part(data: FileData, page: Directory, segments: Segments, stored: NDArray[Any]) -> str:
    """Return the doubt about strips or tiles that hold only zeros."""
    if segments.height < LEAST_ROWS:
        return ""
    height, width = stored.shape[:2]
    across, down = -(-width // segments.width), -(-height // segments.height)
    sizes, whole = _raw_sizes(page, segments), np.frombuffer(data, np.uint8)
    planes: dict[int, list[int]] = {}
    for number in range(across * down * _planes(page)):
        start, size = int(segments.start[number]), int(sizes[number])
        # Its first bytes show of nearly every part that it is none.
        if size >= LEAST_BYTES and not any(data[start : start + 64]) and not whole[start : start + size].any():
            planes.setdefault(number // (across * down), []).append(number)

    def box(number: int) -> gaps.Box:
        top, left = number % (across * down) // across * segments.height, number % across * segments.width
        return (top, left, min(height, top + segments.height), min(width, left + segments.width))

    for plane, lost in planes.items():
        seen = stored[..., plane] if _planes(page) > 1 else stored
        # A gap also takes a piece of the parts before and behind those that it takes whole.
        first, last = plane * across * down, (plane + 1) * across * down
        touched = sorted({other for number in lost for other in range(number - 1, number + 2) if first <= other < last})
        if gaps.has_black(seen, [box(number) for number in touched], [box(number) for number in lost]):
            continue
        parts = gaps.LostParts([box(number) for number in lost])
        for number in lost:
            if gaps.is_lost_part(seen, box(number), parts):
                return gaps.describe(int(segments.start[number]), int(sizes[number]))
    return ""
