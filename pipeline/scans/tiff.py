"""Decode TIFF and BigTIFF of either byte order, in strips, tiles or planes, checked for missing parts first."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import Reason
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
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.photoshop import iptc_of
from pipeline.scans.rejections import rejection

(SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, SAMPLES, ROWS, COUNTS) = (
    254, 256, 257, 258, 259, 262, 273, 277, 278, 279,
)  # fmt: skip
PLANAR, COLOR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 284, 320, 322, 323, 324, 325
SOFTWARE = 305
SUB_DIRECTORIES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 330, 332, 338, 339
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
OLD_JPEG, JPEG = 6, 7
IPTC_MARK = b"\x1c"
# Photometric → channels of colour and mode.
KINDS: dict[int, tuple[int, Mode]] = {
    WHITE_IS_ZERO: (1, "L"), BLACK_IS_ZERO: (1, "L"), RGB: (3, "RGB"), PALETTE: (1, "RGB"), SEPARATED: (4, "CMYK"),
    YCBCR: (3, "RGB"),
}  # fmt: skip
# How pixels are stored, or what has its own field in `Metadata`; all other tags describe the picture and are kept.
STRUCTURE = {
    *range(254, 267), *range(273, 274), *range(277, 282), *range(284, 285), *range(288, 294), 317, 320,
    *range(322, 331), 332, 334, *range(338, 343), *range(346, 350), *range(512, 533), XMP, IPTC, PHOTOSHOP, ICC,
    37724,
}  # fmt: skip
MAX_PAGES = 10_000
# Bytes of compressed strips or tiles that are buffered for decoding.
BUFFER_BYTES = 16 << 20


def read_pages(data: bytes, name: str) -> list[Directory]:
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


def main_page(pages: list[Directory], name: str) -> tuple[int, int]:
    """Return the number of the picture's directory, and how many full pictures there are.

    Raises:
        UnreadableScan: UNSUPPORTED where all of them are reduced copies, as in camera raw files.
    """
    # Reduced copies and transparency masks do not count as pictures.
    full = [number for number, page in enumerate(pages) if not page.number(SUBFILE, 0) & 0b101]
    if not full and SUB_DIRECTORIES in pages[0].tags:
        raise rejection(Reason.UNSUPPORTED, name, "camera raw")
    return (full or [0])[0], max(1, len(full))


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


def inspect(data: bytes, name: str) -> ScanInfo:
    """Return what the directory of the picture says."""
    pages = read_pages(data, name)
    number, count = main_page(pages, name)
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
        raise rejection(Reason.UNSUPPORTED, name, f"TIFF with photometric interpretation {photometric}")
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
    return ScanInfo("TIFF", width, height, CHANNELS[mode], depth, count, orientation(page), mode, infrared)


def decode(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels and metadata of the one picture in a TIFF.

    White-is-zero is inverted, 1 to 7 bits are scaled to 8, 9 to 15 bits to 16, palettes become 8-bit RGB: each stored
    value has exactly one decoded value.
    """
    pages = read_pages(data, name)
    for page in pages:
        check_segments(data, page, name)
    number, _ = main_page(pages, name)
    page = pages[number]
    photometric, bits = page.number(PHOTOMETRIC, 1), page.number(BITS, 1)
    compression = page.number(COMPRESSION, 1)
    if compression == OLD_JPEG or (photometric == YCBCR and compression != JPEG):
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            image.seek(number)
            return Decoded(np.asarray(image.convert("RGB" if info.channels == 3 else "L")), _metadata(page))
    # Both are closed explicitly: TiffFile has reference cycles and would keep all bytes until garbage collection.
    with io.BytesIO(data) as stream, tifffile.TiffFile(stream) as file:
        pixels = file.pages[number].asarray(buffersize=BUFFER_BYTES)
    planar = page.number(PLANAR, 1) == 2 and page.number(SAMPLES, 1) > 1
    if planar and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    if photometric == PALETTE:
        pixels = _palette_to_rgb(pixels, page)
    else:
        pixels = to_full_range(pixels, bits)
        if photometric == WHITE_IS_ZERO:
            ink = pixels if pixels.ndim == 2 else pixels[..., :1]
            np.subtract(np.iinfo(pixels.dtype).max, ink, out=ink)
    return Decoded(np.ascontiguousarray(pixels), _metadata(page))


def check_segments(data: bytes, page: Directory, name: str) -> None:
    """Raise UnreadableScan unless every strip or tile is present; decoders would fill gaps with black."""
    tiled = TILE_OFFSETS in page.tags
    offsets = page.tags.get(TILE_OFFSETS if tiled else OFFSETS)
    counts = page.tags.get(TILE_COUNTS if tiled else COUNTS)
    if offsets is None:
        if page.number(COMPRESSION, 1) == OLD_JPEG:
            return
        raise rejection(Reason.UNREADABLE, name, "the TIFF does not say where its pixels are")
    start = offsets.values.astype(np.uint64)
    size = counts.values.astype(np.uint64) if counts is not None else np.full(len(start), 1, np.uint64)
    if len(size) != len(start) or len(start) < _segments(page, tiled):
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are missing")
    if (size == 0).any() or (start == 0).any():
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are empty")
    if (start + size > len(data)).any():
        raise rejection(Reason.TRUNCATED, name, "strips or tiles of the TIFF are beyond its end")
    if page.number(COMPRESSION, 1) == JPEG:
        ends = (start + size).astype(int)
        if any(b"\xff\xd9" not in data[max(0, end - 16) : end] for end in ends):
            raise rejection(Reason.TRUNCATED, name, "a JPEG strip in the TIFF has no end")


def _segments(page: Directory, tiled: bool) -> int:
    """Return how many strips or tiles the picture's size requires."""
    width, height = page.number(WIDTH, 0), page.number(HEIGHT, 0)
    planes = page.number(SAMPLES, 1) if page.number(PLANAR, 1) == 2 else 1
    if tiled:
        across, down = max(1, page.number(TILE_WIDTH, width)), max(1, page.number(TILE_HEIGHT, height))
        return -(-width // across) * -(-height // down) * planes
    rows = max(1, min(page.number(ROWS, height), height))
    return -(-height // rows) * planes


def to_full_range(pixels: NDArray[Any], bits: int) -> Any:
    """Return pixels of 1 to 16 bits scaled to the full range of uint8 or uint16, in the same order of values."""
    if bits == 1:
        return pixels.astype(np.uint8) * np.uint8(255)
    if bits < 8:
        return (pixels.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    if 8 < bits < 16:
        return (pixels.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
    return pixels


def _palette_to_rgb(indices: NDArray[Any], page: Directory) -> Any:
    """Return palette indices (H,W) as 8-bit RGB."""
    colours = page.tags[COLOR_MAP].values.reshape(3, -1)
    # The standard has 16-bit palettes; some old writers stored 8-bit values.
    table = (colours if colours.max(initial=0) < 256 else colours >> 8).astype(np.uint8).T
    return table[np.minimum(indices, len(table) - 1)]


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
