"""Encode a scan as the bytes of its derivative, losslessly, verified by decoding them again."""

from __future__ import annotations

import numpy as np

from pipeline.imaging.mapped import FileData, release
from pipeline.imaging.types import Pixels
from pipeline.scans import png_encode, tiff_encode
from pipeline.scans.decode import decode
from pipeline.scans.metadata_item import Item
from pipeline.scans.model import Scan, ScanInfo

#: How many rows are compared at a time.
ROWS = 256


def output_extension(scan: Scan | ScanInfo) -> str:
    """Return `.tif` for TIFF masters and CMYK, else `.png`."""
    info = scan.info if isinstance(scan, Scan) else scan
    return ".tif" if info.format == "TIFF" or info.mode == "CMYK" else ".png"


def encode(scan: Scan, extension: str, *, verify: bool = True) -> bytes:
    """Return a scan as a file: same size, depth and mode, ICC, EXIF, XMP, IPTC and resolution.

    Args:
        extension: `.png`, `.tif` or `.tiff`.
        verify: decode the result and compare every pixel; costs about a third of the time.

    Raises:
        ValueError: an extension that is none of these, or CMYK as PNG.
        RuntimeError: the encoded bytes do not decode to the same pixels, so they must not be published.
    """
    return bytes(encode_and_read(scan, extension)[0] if verify else _encode(scan, extension))


def encode_and_read(scan: Scan, extension: str) -> tuple[FileData, tuple[Item, ...]]:
    """Return a scan as a file, and what that file carries besides its pixels, read from it.

    A large TIFF is mapped and not in memory.

    Raises:
        ValueError, RuntimeError: as `encode`.
        NoRoom: the disk for temporary files is full.
    """
    data = _encode(scan, extension)
    again = decode(data, f"result{extension}", max_megapixels=float("inf"))
    if again.pixels.dtype != scan.pixels.dtype or not _same_pixels(again.pixels, scan.pixels):
        raise RuntimeError(f"encoding as {extension} changed pixels")
    return data, again.carried


def _encode(scan: Scan, extension: str) -> FileData:
    """Return a scan as a file."""
    if extension.lower() == ".png":
        return png_encode.encode(scan)
    if extension.lower() in (".tif", ".tiff"):
        return tiff_encode.encode(scan)
    raise ValueError(f"{extension!r}: results are written as .png or .tif")


def _same_pixels(one: Pixels, other: Pixels) -> bool:
    """Return whether two images are equal; compared in strips, since one Boolean per value is half a scan of memory."""
    if one.shape != other.shape:
        return False
    for top in range(0, len(one), ROWS):
        if not np.array_equal(one[top : top + ROWS], other[top : top + ROWS]):
            return False
        release(one)
        release(other)
    return True
