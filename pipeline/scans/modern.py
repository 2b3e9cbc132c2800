"""Decode HEIC (libheif), AVIF (libavif) and JPEG XL (libjxl) at full depth, upright, with their metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (Pillow reads JPEG XL once it is imported)
from PIL import Image

from pipeline.errors import Reason
from pipeline.imaging.types import Pixels
from pipeline.scans import bmff, gaps, jpegxl_header
from pipeline.scans.depth import to_full_range
from pipeline.scans.ifd import ORIENTATION, orientation, read_exif_block, resolution
from pipeline.scans.model import CHANNELS, Decoded, Metadata, Mode, ScanInfo
from pipeline.scans.rejections import rejection

MODES: dict[int, Mode] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
AUXILIARY = "auxiliary pictures in it (depth, gain map) do not reach the derivative"


def inspect_boxes(data: bytes, name: str, kind: str) -> ScanInfo:
    """Return what the boxes of a HEIC or AVIF say."""
    header = bmff.read_header(data, name)
    if kind == "AVIF" and header.is_turned:  # Pillow leaves turning to EXIF
        header.width, header.height = header.height, header.width
    channels = (1 if header.channels == 1 and kind == "AVIF" else 3) + header.has_alpha
    depth = 16 if header.bits > 8 else 8
    pages = 2 if header.is_sequence else 1
    return ScanInfo(kind, header.width, header.height, channels, depth, pages, 1, MODES[channels])


def inspect_jxl(data: bytes, name: str) -> ScanInfo:
    """Return what the header of a JPEG XL says; number and depth of channels are those of most files until decoded."""
    width, height = jpegxl_header.size(data, name)
    return ScanInfo("JPEGXL", width, height, 3, 8, 1, 1, "RGB")


def decode_heif(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels, turned as the file says, and metadata of a HEIC."""
    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    if len(file) > 1:
        raise rejection(Reason.MULTI_PAGE, name, f"{len(file)} pictures")
    pixels = np.asarray(file)
    bits = int(file.info.get("bit_depth") or 8)
    if pixels.dtype == np.uint16 and bits < 16:
        pixels = to_full_range(pixels >> (16 - bits), bits)
    found = _upright(file.info)
    notes = (AUXILIARY,) if file.info.get("depth_images") or file.info.get("aux") else ()
    return _decoded(data, pixels, found, "HEIF", _without(data, bmff.media(data), file.info), notes)


def decode_avif(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels as stored and metadata of an AVIF; Pillow puts its orientation into EXIF."""
    with Image.open(io.BytesIO(data), formats=["AVIF"]) as image:
        _check_single(image, name)
        found = dict(image.info)
    pixels = np.asarray(imagecodecs.avif_decode(data))
    if pixels.dtype == np.uint16:
        pixels = to_full_range(pixels, bmff.read_header(data, name).bits)
    return _decoded(data, pixels, found, "AVIF", _without(data, bmff.media(data), found))


def decode_jxl(data: bytes, info: ScanInfo, name: str) -> Decoded:
    """Return pixels, turned as the file says, and metadata of a JPEG XL."""
    pixels = np.asarray(imagecodecs.jpegxl_decode(data))
    with Image.open(io.BytesIO(data), formats=["JXL"]) as image:
        _check_single(image, name)
        stored, found = dict(image.info), _upright(image.info)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise rejection(Reason.UNSUPPORTED, name, "JPEG XL with floating-point values")
    return _decoded(data, pixels, found, "JPEGXL", _without(data, [(0, len(data))], stored))


def _check_single(image: Image.Image, name: str) -> None:
    """Raise UnreadableScan where a file holds several pictures."""
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise rejection(Reason.MULTI_PAGE, name, f"animated, {frames} frames", "save the frame you mean as a file")


def _without(data: bytes, codes: Iterable[tuple[int, int]], info: Mapping[Any, Any]) -> Iterator[tuple[int, int]]:
    """Yield the parts of codes outside the metadata that a decoder has found: maker notes hold long runs of zeros."""
    blocks = [(info.get("exif") or b"").removeprefix(b"Exif\0\0"), info.get("xmp") or b""]
    raw = [block.encode() if isinstance(block, str) else block for block in blocks]
    taken = sorted((at, at + len(block)) for block in raw if block and (at := data.find(block)) >= 0)
    for start, end in codes:
        for first, last in taken:
            if start <= first and last <= end:
                yield start, first
                start = last
        yield start, end


def _upright(info: dict[Any, Any]) -> dict[Any, Any]:
    """Return a decoder's findings with the orientation in EXIF set to upright, as the decoder has made the pixels."""
    exif = info.get("exif") or b""
    block = bytearray(exif.removeprefix(b"Exif\0\0"))
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order and len(block) >= 10:
        (first,) = struct.unpack_from(order + "I", block, 4)
        count = struct.unpack_from(order + "H", block, first)[0] if first + 2 <= len(block) else 0
        for at in range(first + 2, min(first + 2 + 12 * count, len(block) - 11), 12):
            if struct.unpack_from(order + "HH", block, at) == (ORIENTATION, 3):
                struct.pack_into(order + "H", block, at + 8, 1)
    return {**info, "exif": bytes(block)}


def _decoded(
    data: bytes, pixels: Any, found: dict[Any, Any], kind: str, codes: Any, notes: tuple[str, ...] = ()
) -> Decoded:
    """Return what was decoded, with the header that the pixels show, and the doubt about a gap in the codes."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    seen: Pixels = np.ascontiguousarray(pixels)
    channels = 1 if seen.ndim == 2 else seen.shape[2]
    exif = (found.get("exif") or b"").removeprefix(b"Exif\0\0") or None
    directory = read_exif_block(exif)
    mode = MODES[channels]
    info = ScanInfo(
        kind, seen.shape[1], seen.shape[0], CHANNELS[mode], 8 * seen.itemsize, 1, orientation(directory), mode
    )
    xmp = found.get("xmp")
    metadata = Metadata(
        icc=found.get("icc_profile") or None,
        exif=exif,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp or None,
        dpi=resolution(directory),
    )
    doubt = next((doubt for start, end in codes if (doubt := gaps.find_in_codes(data, start, end, seen))), "")
    return Decoded(seen, metadata, doubt, notes, info)
