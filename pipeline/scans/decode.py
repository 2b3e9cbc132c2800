"""From bytes to a scan: format by content, limits from the header, then pixels and metadata, whole or not at all."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import UnidentifiedImageError

from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import jpeg, jpeg2000, others, png, tiff, webp
from pipeline.scans.model import Limits, Metadata, Pixels, Scan, ScanInfo
from pipeline.scans.refusals import refusal

Decoder = Callable[[bytes, ScanInfo, str], tuple[Pixels, Metadata]]
# What codecs raise; they share no base.
BROKEN: tuple[type[Exception], ...] = (
    OSError, SyntaxError, ValueError, TypeError, RuntimeError, LookupError, zlib.error, EOFError, ImportError,
)  # fmt: skip
CUT_SIGNS = ("truncat", "too small", "failed to read", "premature", "unexpected end", "not enough data")
INSPECTORS: dict[str, Callable[[bytes, str], ScanInfo]] = {
    "PNG": png.inspect,
    "JPEG": jpeg.inspect,
    "TIFF": tiff.inspect,
    "WEBP": webp.inspect,
    "JPEG2000": jpeg2000.inspect,
    "BMP": partial(others.inspect, kind="BMP"),
    "GIF": partial(others.inspect, kind="GIF"),
}
DECODERS: dict[str, Decoder] = {
    "PNG": png.decode,
    "JPEG": jpeg.decode,
    "TIFF": tiff.decode,
    "WEBP": webp.decode,
    "JPEG2000": jpeg2000.decode,
    "BMP": others.decode,
    "GIF": others.decode,
}
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (png.SIGNATURE, "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (jpeg2000.BOX_SIGNATURE, "JPEG2000"),
    (jpeg2000.STREAM_SIGNATURE, "JPEG2000"),
)
OTHER_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"8BPS", "a Photoshop document"),
    (b"ftyphei", "HEIF"),
    (b"ftypmif", "HEIF"),
    (b"ftypavi", "AVIF"),
    (b"JXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
)
OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "it is a PDF"),
    (b"PK\3\4", "it is a ZIP or office document"),
    (b"\0\0\1\0", "it is an icon"),
)
BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}


def sniff(data: bytes) -> str | None:
    """Returns the format of a file by its first bytes, None for what is no image that can be read."""
    head = bytes(data[:18])
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    # Two letters alone would make an image of every text that starts with BM.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    return None


def inspect(data: bytes, name: str, limits: Limits | None = None) -> ScanInfo:
    """Returns what a scan's header says; its pixels are not decoded.

    Args:
        data: the whole file.
        name: for messages.
        limits: the installation's when left out.

    Raises:
        UnreadableScan: it is empty, no image, cut off, too large, of several pages or unsupported.
    """
    limits = limits or Limits.from_settings()
    if not data:
        raise refusal(Reason.EMPTY, name)
    kind = sniff(data)
    if kind is None:
        raise _unknown(data, name)
    try:
        info = INSPECTORS[kind](data, name)
    except UnreadableScan:
        raise
    except BROKEN as error:
        raise _broken(error, name) from error
    if info.width < 1 or info.height < 1:
        raise refusal(Reason.ZERO_SIZED, name, f"{info.width} × {info.height}")
    if info.megapixels > limits.max_megapixels:
        detail = f"{info.width} × {info.height} = {info.megapixels:.0f} megapixels, {limits.max_megapixels:g} allowed"
        raise refusal(Reason.TOO_MANY_PIXELS, name, detail)
    if info.pages > 1:
        many = f"{info.pages} {'frames' if info.format in ('PNG', 'WEBP') else 'pages'}"
        raise refusal(Reason.MULTI_PAGE, name, "animated" if info.format == "GIF" else many)
    return info


def _unknown(data: bytes, name: str) -> UnreadableScan:
    """Returns the refusal of a file that no decoder here takes."""
    head = bytes(data[:512])
    if any(signature.startswith(head) for signature, _ in SIGNATURES):
        return refusal(Reason.TRUNCATED, name, f"only {len(head)} bytes are left")
    if not any(head):
        return refusal(Reason.NOT_AN_IMAGE, name, "it holds only zeros")
    for signature, what in OTHER_IMAGES:
        if head.startswith(signature) or head[4:].startswith(signature):
            return refusal(Reason.UNSUPPORTED, name, what)
    for signature, what in OTHER_FILES:
        if head.startswith(signature):
            return refusal(Reason.NOT_AN_IMAGE, name, what)
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return refusal(Reason.NOT_AN_IMAGE, name, "it is text" if printable > 0.9 * len(head) else "")


def decode(data: bytes, name: str, *, max_megapixels: float | None = None) -> Scan:
    """Returns a scan with pixels at full depth and all metadata. For files from outside use `decode_isolated`.

    Args:
        data: the whole file.
        name: for messages.
        max_megapixels: the installation's limit when left out.

    Raises:
        UnreadableScan: it cannot be read whole; the message has the remedy.
    """
    limits = Limits.from_settings() if max_megapixels is None else Limits(max_megapixels=max_megapixels)
    info = inspect(data, name, limits)
    try:
        with warnings.catch_warnings():
            # Oddities of metadata; whether pixels are whole is checked above and below.
            warnings.simplefilter("ignore")
            pixels, metadata = DECODERS[info.format](data, info, name)
    except (UnreadableScan, MemoryError):
        raise
    except BROKEN as error:
        raise _broken(error, name) from error
    expected = (info.height, info.width) if info.channels == 1 else (info.height, info.width, info.channels)
    depth = np.uint16 if info.bit_depth == 16 else np.uint8
    if pixels.shape != expected or pixels.dtype != depth:
        found = f"{pixels.dtype} {pixels.shape} instead of {depth.__name__} {expected}"
        raise refusal(Reason.UNREADABLE, name, f"decodes to {found}")
    return Scan(pixels, info, metadata)


def _broken(error: Exception, name: str) -> UnreadableScan:
    """Returns the refusal for what a decoder said."""
    if isinstance(error, UnidentifiedImageError):
        return refusal(Reason.UNREADABLE, name, "its header is damaged")
    text = " ".join(str(error).split())[:200] or type(error).__name__
    cut = any(sign in text.lower() for sign in CUT_SIGNS)
    return refusal(Reason.TRUNCATED if cut else Reason.UNREADABLE, name, text)
