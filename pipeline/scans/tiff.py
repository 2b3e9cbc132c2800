"""Decode TIFF and BigTIFF of either byte order, in strips, tiles or planes, checked for missing parts first."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from pipeline.errors import Reason
from pipeline.imaging.mapped import FileData, Mapping, NoRoom, release, releasing, scratch
from pipeline.imaging.types import Pixels
from pipeline.scans import camera_raw, tiff_copies, tiff_segments
from pipeline.scans.decoder_warnings import collected
from pipeline.scans.depth import WHOLE, to_full_range, to_levels
from pipeline.scans.ifd import (
    EXIF_IFD,
    MAKER_NOTE,
    BrokenDirectory,
    Directory,
    Structure,
    exif_block,
    orientation,
    resolution,
)
from pipeline.scans.maker_notes import is_movable, moved
from pipeline.scans.model import CHANNELS, PALETTE_NOTE, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.photoshop import iptc_of
from pipeline.scans.rejections import rejection
from pipeline.scans.tiff_segments import Segments
from pipeline.scans.tiff_tags import (
    BITS,
    BLACK_IS_ZERO,
    COLOR_MAP,
    COMPRESSION,
    EXTRA_SAMPLES,
    HEIGHT,
    ICC,
    INK_SET,
    IPTC,
    JPEG,
    OLD_JPEG,
    PALETTE,
    PHOTOMETRIC,
    PHOTOSHOP,
    PLANAR,
    RGB,
    SAMPLE_FORMAT,
    SAMPLES,
    SEPARATED,
    SOFTWARE,
    STRUCTURE,
    SUBFILE,
    WHITE_IS_ZERO,
    WIDTH,
    XMP,
    YCBCR,
)  # fmt: skip

IPTC_MARK = b"\x1c"
# Photometric → channels of colour and mode.
KINDS: dict[int, tuple[int, Mode]] = {
    WHITE_IS_ZERO: (1, "L"), BLACK_IS_ZERO: (1, "L"), RGB: (3, "RGB"), PALETTE: (1, "RGB"), SEPARATED: (4, "CMYK"),
    YCBCR: (3, "RGB"),
}  # fmt: skip
UNSUPPORTED_KINDS = {
    4: "TIFF that holds a transparency mask and no picture", 8: "TIFF in CIELab", 9: "TIFF in ICCLab",
    10: "TIFF in ITULab", 32844: "TIFF in LogL", 32845: "TIFF in LogLuv",
}  # fmt: skip
MAX_PAGES = 10_000
# Bytes of compressed strips or tiles that are buffered for decoding.
BUFFER_BYTES = 16 << 20
# Rows converted at a time.
ROWS = 256


def read_pages(data: FileData, name: str) -> list[Directory]:
    """Return the directories of a file.

    Raises:
        UnreadableScan: TRUNCATED where a directory is outside of the file.
    """
    try:
        structure = Structure.open(data)
        offset, seen = structure.first, set[int]()
        pages: list[Directory] = []
        while offset and offset not in seen and len(seen) < MAX_PAGES:
            page = structure.read(offset, children=not pages)
            pages.append(page)
            seen.add(offset)
            offset = page.following
    except BrokenDirectory as error:
        raise rejection(Reason.TRUNCATED, name, f"TIFF: {error}") from error
    if not pages:
        raise rejection(Reason.UNREADABLE, name, "the TIFF holds no picture")
    return pages


def main_page(pages: list[Directory]) -> tuple[int, int]:
    """Return the number of the picture's directory, and how many pictures there are, without reduced copies of it."""
    full = [number for number, page in enumerate(pages) if not tiff_copies.is_declared(page)] or [0]
    largest = max(full, key=lambda number: pages[number].number(WIDTH, 0) * pages[number].number(HEIGHT, 0))
    main = largest if tiff_copies.may_be_copy(pages[full[0]], pages[largest]) else full[0]
    return main, sum(not tiff_copies.may_be_copy(pages[number], pages[main]) for number in full)


def infrared_page(pages: list[Directory], number: int) -> int | None:
    """Return the number of the directory with the infrared plane of the picture in directory `number`, or None.

    SilverFast writes it into HDRi files as a grey picture of the same size marked as a transparency mask
    (NewSubfileType 4, though of 8 or 16 bits); others write a second page. A second page counts only where the file
    names a scanner's software, since it might be the back of a print.
    """
    picture_page = pages[number]
    for index, page in enumerate(pages):
        alike = all(page.number(tag, 0) == picture_page.number(tag, 0) for tag in (WIDTH, HEIGHT))
        grey = page.number(PHOTOMETRIC, -1) in (BLACK_IS_ZERO, 4) and page.number(SAMPLES, 1) == 1
        if index == number or not alike or not grey or page.number(BITS, 1) not in (8, 16):
            continue
        if page.number(SUBFILE, 0) & 4 or _is_scanner(picture_page):
            return index
    return None


def _is_scanner(page: Directory) -> bool:
    """Return whether the file names software that writes infrared planes."""
    software = page.tags[SOFTWARE].data.lower() if SOFTWARE in page.tags else b""
    return any(name in software for name in (b"vuescan", b"silverfast"))


def inspect(data: FileData, name: str) -> ScanInfo:
    """Return what the directory of the picture says."""
    pages = read_pages(data, name)
    number, count = main_page(pages)
    if maker := camera_raw.name_in_tiff(data, pages) or (camera_raw.name_by_suffix(name) if count > 1 else ""):
        raise rejection(Reason.UNSUPPORTED, name, f"camera raw, {maker}", camera_raw.REMEDY)
    page = pages[number]
    plane = infrared_page(pages, number)
    if plane is not None and not pages[plane].number(SUBFILE, 0) & 0b101:
        count -= 1
    width, height = page.number(WIDTH, 0), page.number(HEIGHT, 0)
    photometric = page.number(PHOTOMETRIC, -1)
    samples = page.number(SAMPLES, 1)
    bits = page.tags[BITS].values.tolist() if BITS in page.tags else [1]
    formats = page.tags[SAMPLE_FORMAT].values.tolist() if SAMPLE_FORMAT in page.tags else [1]
    if photometric not in KINDS:
        what = UNSUPPORTED_KINDS.get(photometric, f"TIFF with photometric interpretation {photometric}")
        raise rejection(Reason.UNSUPPORTED, name, what)
    colours, mode = KINDS[photometric]
    if set(formats) - {1, 4} or len(set(bits)) != 1 or bits[0] > 16:
        kind = "floating point" if 3 in formats else "signed" if 2 in formats else "unsigned"
        raise rejection(Reason.UNSUPPORTED, name, f"TIFF with {max(bits)} bits per channel, {kind}")
    if photometric == SEPARATED and page.number(INK_SET, 1) != 1:
        raise rejection(Reason.UNSUPPORTED, name, "TIFF with inks that are not CMYK")
    extra = samples - colours
    if extra == 1 and mode in ("L", "RGB") and photometric != PALETTE:
        mode = "LA" if mode == "L" else "RGBA"
    elif extra:
        raise rejection(Reason.UNSUPPORTED, name, f"TIFF with {samples} channels per pixel")
    if photometric == PALETTE and COLOR_MAP not in page.tags:
        raise rejection(Reason.UNREADABLE, name, "the TIFF's palette is missing")
    depth = 8 if bits[0] <= 8 or photometric == PALETTE else 16
    undeclared = mode == "RGBA" and page.number(EXTRA_SAMPLES, 0) == 0
    infrared: Literal["", "page", "sample"] = "page" if plane is not None else "sample" if undeclared else ""
    few = 0 if bits[0] in WHOLE or photometric == PALETTE else bits[0]
    return ScanInfo("TIFF", width, height, CHANNELS[mode], depth, count, orientation(page), mode, infrared, few)


def decode(data: FileData, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata of the one picture in a TIFF.

    White-is-zero is inverted, 1 to 7 bits are scaled to 8, 9 to 15 bits to 16, palettes become 8-bit RGB: each stored
    value has exactly one decoded value.
    """
    pages = read_pages(data, name)
    number, _ = main_page(pages)
    # Reduced copies count too: where one is cut off, the file is.
    parts = [tiff_segments.find(data, page, name) for page in pages]
    page, segments = pages[number], parts[number]
    photometric, bits = page.number(PHOTOMETRIC, 1), page.number(BITS, 1)
    if page.number(COMPRESSION, 1) == OLD_JPEG or (photometric == YCBCR and page.number(COMPRESSION, 1) != JPEG):
        return Decoded(_as_rgb(data, number, info, name), _metadata(page))
    out = _empty(data, number, segments)
    with releasing(data, *([] if out is None else [out])):
        tiff_segments.check(data, page, number, segments, name, out)
        pixels = _stored(data, number, segments, name, out)
    planar = page.number(PLANAR, 1) == 2 and page.number(SAMPLES, 1) > 1
    if planar and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    with releasing(data, pixels):
        doubt = tiff_segments.find_gap(data, page, segments, pixels)
    _check_copies(data, pages, parts, number, pixels, name)
    notes: tuple[str, ...] = ()
    if photometric == PALETTE:
        pixels, notes = _palette_to_rgb(pixels, page), (PALETTE_NOTE,)
    else:
        with releasing(pixels):
            pixels = _full_range(pixels, bits, is_inverted=photometric == WHITE_IS_ZERO)
    return Decoded(_chunky(pixels), _metadata(page), doubt, notes)


def _chunky(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels (H,W) or (H,W,C) with the channels of each pixel side by side."""
    if pixels.flags.c_contiguous:
        return pixels
    result = scratch(pixels.shape, pixels.dtype)
    for top in range(0, len(pixels), ROWS):
        result[top : top + ROWS] = pixels[top : top + ROWS]
        release(pixels)
        release(result)
    return result


def _full_range(stored: NDArray[Any], bits: int, *, is_inverted: bool) -> NDArray[Any]:
    """Return stored values at full range, 0 = black, in the same place where that is possible."""
    # Bilevel pictures come as booleans, of one byte each.
    values = stored.view(np.uint8) if stored.dtype == np.bool_ else stored
    for top in range(0, len(values), ROWS):
        rows = values[top : top + ROWS]
        if bits not in WHOLE:
            rows[...] = to_full_range(rows, bits)
        if is_inverted:
            ink = rows if rows.ndim == 2 else rows[..., :1]
            if bits in WHOLE:
                np.subtract(np.iinfo(rows.dtype).max, ink, out=ink)
            else:
                # As levels: full range less a scaled level is no scaled level.
                ink[...] = to_full_range((1 << bits) - 1 - to_levels(ink, bits), bits)
    return values


def _check_copies(
    data: FileData, pages: list[Directory], parts: list[Segments], number: int, stored: NDArray[Any], name: str
) -> None:
    """Raise UnreadableScan where a smaller page that does not call itself a reduced copy shows another picture."""
    for index, page in enumerate(pages):
        if index == number or tiff_copies.is_declared(page) or not tiff_copies.may_be_copy(page, pages[number]):
            continue
        copy = _stored(data, index, parts[index], name)
        if page.number(PLANAR, 1) == 2 and copy.ndim == 3:
            copy = np.moveaxis(copy, 0, -1)
        if not tiff_copies.shows_the_same(_shown(copy, page), _shown(stored, pages[number])):
            raise rejection(Reason.MULTI_PAGE, name, f"page {index + 1} is smaller and shows something else")


def _shown(stored: NDArray[Any], page: Directory) -> Any:
    """Return stored values as colours, 0 = black, of any depth."""
    photometric = page.number(PHOTOMETRIC, 1)
    if photometric == PALETTE:
        return _palette_to_rgb(stored, page)
    pixels = to_full_range(stored, page.number(BITS, 1))
    return np.iinfo(pixels.dtype).max - pixels if photometric == WHITE_IS_ZERO else pixels


def _stored(
    data: FileData, number: int, segments: Segments, name: str, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return the values of a picture as stored, channels first where they are in planes.

    Args:
        out: what `_empty` returned for the picture; by default memory is taken.
    """
    try:
        with opened_page(data, number, segments) as page:
            pixels: NDArray[Any] = page.asarray(out=out, buffersize=BUFFER_BYTES)
            return pixels
    except (MemoryError, NoRoom):
        raise
    except NotImplementedError as error:
        raise rejection(Reason.UNSUPPORTED, name, f"TIFF: {error}") from error
    except Exception as error:  # codecs have no common base class of errors
        # Their own words are functions and shapes of arrays, which tell an archivist nothing.
        raise tiff_segments.damaged(name, "reshaped" in str(error)) from error


def _empty(data: FileData, number: int, segments: Segments) -> NDArray[Any] | None:
    """Return an array for the values of a picture in an unnamed file; None where their form is not known beforehand."""
    try:
        with opened_page(data, number, segments) as page:
            shape, dtype = page.shape, page.dtype
    except Exception:  # what cannot be read is said by reading it
        return None
    return scratch(shape, dtype) if dtype is not None and 0 not in shape else None


@contextmanager
def opened_page(data: FileData, number: int, segments: Segments) -> Iterator[tifffile.TiffPage]:
    """Yield the page of a picture in a file of which nothing is left when the block ends.

    Both are closed explicitly: TiffFile has reference cycles and would keep all bytes until garbage collection.
    """
    # Read, not mapped, so that its pages are not in this process's memory.
    stream = os.fdopen(os.dup(data.descriptor), "rb") if isinstance(data, Mapping) else io.BytesIO(data)
    with stream:
        stream.seek(0)
        with tifffile.TiffFile(stream, name="scan") as file:
            yield _page(file, number, segments)


def _page(file: tifffile.TiffFile, number: int, segments: Segments) -> tifffile.TiffPage:
    """Return the page of a picture, with the sizes of its strips or tiles where the file does not state them."""
    page = file.pages[number]
    assert isinstance(page, tifffile.TiffPage)
    if not segments.is_stated:
        page.databytecounts = tuple(segments.size.tolist())
    return page


def _as_rgb(data: FileData, number: int, info: ScanInfo, name: str) -> Pixels:
    """Return a picture that libtiff converts from YCbCr, in any subsampling, or from old-style JPEG."""
    with collected() as messages:
        pixels = imagecodecs.tiff_decode(data, index=number, asrgb=True, verbose=1)
    tiff_segments.check_messages(messages, name)
    # libtiff flips pictures as their orientation says, and leaves turning them to others.
    down = -1 if info.orientation in (3, 4, 7, 8) else 1
    across = -1 if info.orientation in (2, 3, 6, 7) else 1
    pixels = pixels[::down, ::across]
    return np.ascontiguousarray(pixels[..., :3] if info.channels == 3 else pixels[..., 0])


def _palette_to_rgb(indices: NDArray[Any], page: Directory) -> Any:
    """Return palette indices (H,W) as 8-bit RGB."""
    colours = page.tags[COLOR_MAP].values.reshape(3, -1)
    # The standard has 16-bit palettes; some old writers stored 8-bit values.
    table = (colours if colours.max(initial=0) < 256 else colours >> 8).astype(np.uint8).T
    result = scratch((*indices.shape, 3), np.uint8)
    for top in range(0, len(indices), ROWS):
        result[top : top + ROWS] = table[np.minimum(indices[top : top + ROWS], len(table) - 1)]
    return result


def _metadata(page: Directory) -> Metadata:
    """Return the metadata in the tags."""
    extra = page.number(EXTRA_SAMPLES, 0)

    def block(code: int) -> bytes | None:
        return page.tags[code].stored(page.order) if code in page.tags else None

    resources = block(PHOTOSHOP)
    return Metadata(
        icc=block(ICC),
        exif=exif_block(described, moved) if (described := descriptive(page)) else None,
        xmp=block(XMP),
        iptc=_iptc(block(IPTC)) or iptc_of(resources or b""),
        photoshop=resources,
        iptc_kind=page.tags[IPTC].type if IPTC in page.tags else 0,
        dpi=resolution(page),
        alpha_kind=extra if extra in (0, 1, 2) else 0,
    )


def descriptive(page: Directory) -> Directory | None:
    """Return the tags and sub-directories that describe the picture, None without any.

    A maker note that could not be read at another place of a file is left out.
    """
    kept = {code: tag for code, tag in page.tags.items() if code not in STRUCTURE}
    children = dict(page.children)
    exif = children.get(EXIF_IFD)
    note = exif.tags.get(MAKER_NOTE) if exif else None
    if exif and note and not is_movable(note, page.order):
        children[EXIF_IFD] = replace(exif, tags={code: tag for code, tag in exif.tags.items() if tag is not note})
    return Directory(kept, children, order=page.order) if kept or children else None


def _iptc(record: bytes | None) -> bytes | None:
    """Return IPTC-IIM records in their own order of bytes: some programs swap them as if they were 32-bit numbers."""
    if record and len(record) % 4 == 0 and record[:1] != IPTC_MARK and record[3:4] == IPTC_MARK:
        return np.frombuffer(record, ">u4").astype("<u4").tobytes()
    return record
