"""From bytes to a scan: format by content, limits from the header, then pixels and metadata, whole or not at all."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable

import numpy as np

from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import jpeg, others, png, tiff
from pipeline.scans.model import Limits, Metadata, Pixels, Scan, ScanInfo
from pipeline.scans.refusals import refusal

Decoder = Callable[[bytes, ScanInfo, str], tuple[Pixels, Metadata]]
# What codecs raise; they share no base.
BROKEN: tuple[type[Exception], ...] = (
    OSError, SyntaxError, ValueError, TypeError, RuntimeError, LookupError, zlib.error, EOFError, ImportError,
)  # fmt: skip
CUT_SIGNS = ("truncat", "too small", "failed to read", "premature", "unexpected end", "not enough data")
DECODERS: dict[str, Decoder] = {"PNG": png.decode, "JPEG": jpeg.decode, "TIFF": tiff.decode}


def sniff(data: bytes) -> str | None:
    """Returns the format of a file by its first bytes, None for what is no image that can be read."""
    head = bytes(data[:16])
    if head.startswith(png.SIGNATURE):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:12] == b"\0\0\0\x0cjP  \r\n\x87\n" or head[:4] == b"\xff\x4f\xff\x51":
        return "JPEG2000"
    if head[:2] == b"BM":
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
    if kind == "PNG":
        info = png.inspect(data, name)
    elif kind == "JPEG":
        info = jpeg.inspect(data, name)
    elif kind == "TIFF":
        info = tiff.inspect(data, name)
    else:
        info = others.inspect(data, kind, name)
    if info.width < 1 or info.height < 1:
        raise refusal(Reason.ZERO_SIZED, name, f"{info.width} × {info.height}")
    if info.megapixels > limits.max_megapixels:
        detail = f"{info.width} × {info.height} = {info.megapixels:.0f} megapixels, {limits.max_megapixels:g} allowed"
        raise refusal(Reason.TOO_MANY_PIXELS, name, detail)
    if info.pages > 1:
        what = "frames" if info.format in ("GIF", "WEBP", "PNG") else "pages"
        raise refusal(Reason.MULTI_PAGE, name, f"{info.pages} {what}")
    return info


def _unknown(data: bytes, name: str) -> UnreadableScan:
    """Returns the refusal of a file that no decoder here takes."""
    head = bytes(data[:512])
    if not any(head):
        return refusal(Reason.NOT_AN_IMAGE, name, "it holds only zeros")
    known = {b"8BPS": "a Photoshop document", b"%PDF": "a PDF", b"PK\3\4": "a ZIP or office document"}
    what = known.get(head[:4])
    if what is None and head[4:8] == b"ftyp":
        what = "HEIF, AVIF or a video"
    if what is None:
        printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
        what = "it is text" if printable > 0.9 * len(head) else ""
    return refusal(Reason.NOT_AN_IMAGE, name, what)


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
            pixels, metadata = DECODERS.get(info.format, others.decode)(data, info, name)
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
    text = " ".join(str(error).split())[:200] or type(error).__name__
    cut = any(sign in text.lower() for sign in CUT_SIGNS)
    return refusal(Reason.TRUNCATED if cut else Reason.UNREADABLE, name, text)
