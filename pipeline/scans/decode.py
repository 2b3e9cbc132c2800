"""Decode bytes to a scan: check limits in the header, then read pixels and metadata completely or raise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import UnidentifiedImageError

from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import error_line
from pipeline.imaging.mapped import FileData, NoRoom
from pipeline.scans import jpeg, jpeg2000, modern, pillow_formats, png, pnm, tiff, webp
from pipeline.scans.carried.inventory import inventory
from pipeline.scans.colour import visible_channels
from pipeline.scans.formats import reject_unknown, sniff
from pipeline.scans.model import Decoded, Limits, Scan, ScanInfo
from pipeline.scans.rejections import rejection
from pipeline.scans.tones import find_tones

Decoder = Callable[[bytes, ScanInfo, str], Decoded]
TRUNCATION_WORDS = ("truncat", "too small", "failed to read", "premature", "unexpected end", "not enough data")
INSPECTORS: dict[str, Callable[[bytes, str], ScanInfo]] = {
    "PNG": png.inspect,
    "JPEG": jpeg.inspect,
    "WEBP": webp.inspect,
    "JPEG2000": jpeg2000.inspect,
    "BMP": partial(pillow_formats.inspect, kind="BMP"),
    "GIF": partial(pillow_formats.inspect, kind="GIF"),
    "TGA": partial(pillow_formats.inspect, kind="TGA"),
    "SGI": partial(pillow_formats.inspect, kind="SGI"),
    "PCX": partial(pillow_formats.inspect, kind="PCX"),
    "PNM": pnm.inspect,
    "HEIF": partial(modern.inspect_boxes, kind="HEIF"),
    "AVIF": partial(modern.inspect_boxes, kind="AVIF"),
    "JPEGXL": modern.inspect_jxl,
}
DECODERS: dict[str, Decoder] = {
    "PNG": png.decode,
    "JPEG": jpeg.decode,
    "WEBP": webp.decode,
    "JPEG2000": jpeg2000.decode,
    "BMP": pillow_formats.decode,
    "GIF": pillow_formats.decode,
    "TGA": pillow_formats.decode,
    "SGI": pillow_formats.decode,
    "PCX": pillow_formats.decode,
    "PNM": pnm.decode,
    "HEIF": modern.decode_heif,
    "AVIF": modern.decode_avif,
    "JPEGXL": modern.decode_jxl,
}


def inspect(data: FileData, name: str, limits: Limits | None = None) -> ScanInfo:
    """Return what a scan's header says, without decoding pixels.

    Args:
        data: the whole file.
        name: for messages.
        limits: the installation's by default.

    Raises:
        UnreadableScan: it is empty, not an image, truncated, too large, of several pages or unsupported.
    """
    limits = limits or Limits.from_settings()
    if not data:
        raise rejection(Reason.EMPTY, name)
    kind = sniff(data)
    if kind is None:
        raise reject_unknown(data, name)
    try:
        info = tiff.inspect(data, name) if kind == "TIFF" else INSPECTORS[kind](bytes(data), name)
    except (UnreadableScan, MemoryError):
        raise
    except Exception as error:  # any error of a parser rejects only this file
        raise _rejection_of(error, name) from error
    if info.width < 1 or info.height < 1:
        raise rejection(Reason.ZERO_SIZED, name, f"{info.width} × {info.height}")
    if info.megapixels > limits.max_megapixels:
        detail = f"{info.width} × {info.height} = {info.megapixels:.0f} megapixels, {limits.max_megapixels:g} allowed"
        raise rejection(Reason.TOO_MANY_PIXELS, name, detail)
    if info.pages > 1:
        if info.format == "TIFF":
            remedy = "save each page as a file of its own, for example with libtiff's tiffsplit"
            raise rejection(Reason.MULTI_PAGE, name, f"{info.pages} pages", remedy)
        raise rejection(Reason.MULTI_PAGE, name, f"animated, {info.pages} frames", "save the frame you mean as a file")
    return info


def decode(data: FileData, name: str, *, max_megapixels: float | None = None) -> Scan:
    """Return a scan with pixels at full depth and all metadata; for untrusted files use `decode_isolated`.

    Args:
        data: the whole file.
        name: for messages.
        max_megapixels: the installation's limit by default.

    Raises:
        UnreadableScan: it cannot be read completely; the message has the remedy.
    """
    limits = Limits.from_settings() if max_megapixels is None else Limits(max_megapixels=max_megapixels)
    info = inspect(data, name, limits)
    try:
        with warnings.catch_warnings():
            # Warnings concern metadata; whether pixels are complete is checked above and below.
            warnings.simplefilter("ignore")
            if info.format == "TIFF":
                found = tiff.decode(data, info, name)
            else:
                found = DECODERS[info.format](bytes(data), info, name)
    except (UnreadableScan, MemoryError, NoRoom):
        raise
    except Exception as error:  # codecs have no common base class of errors
        raise _rejection_of(error, name) from error
    info = found.info or info
    expected = (info.height, info.width) if info.channels == 1 else (info.height, info.width, info.channels)
    depth = np.uint16 if info.bit_depth == 16 else np.uint8
    if found.pixels.shape != expected or found.pixels.dtype != depth:
        detail = f"{found.pixels.dtype} {found.pixels.shape} instead of {depth.__name__} {expected}"
        raise rejection(Reason.UNREADABLE, name, f"decodes to {detail}")
    carried = inventory(data, info.format, found.metadata)
    scan = Scan(found.pixels, info, found.metadata, found.doubt, found.notes, carried)
    if scan.mode == "CMYK":
        return scan
    tones = find_tones(visible_channels(scan), scan.metadata.icc, dict(scan.metadata.png_chunks))
    return replace(scan, tones=tones, notes=(*scan.notes, tones.note)) if tones else scan


def _rejection_of(error: Exception, name: str) -> UnreadableScan:
    """Return the rejection for a decoder's error."""
    if isinstance(error, UnidentifiedImageError):
        return rejection(Reason.UNREADABLE, name, "its header is damaged")
    text = error_line(error, 200)
    truncated = any(word in text.lower() for word in TRUNCATION_WORDS)
    return rejection(Reason.TRUNCATED if truncated else Reason.UNREADABLE, name, text)
