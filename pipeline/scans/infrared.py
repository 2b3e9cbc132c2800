"""Decode the infrared plane of a scanner's TIFF like a scan: `decode_isolated(…, decoder=INFRARED)`."""

from __future__ import annotations

import io

import numpy as np
import tifffile

from pipeline.errors import Reason
from pipeline.imaging.types import Pixels
from pipeline.scans import tiff, tiff_segments
from pipeline.scans.decode import inspect
from pipeline.scans.model import Limits, Scan, ScanInfo
from pipeline.scans.rejections import rejection

INFRARED = "pipeline.scans.infrared:decode"


def decode(data: bytes, name: str, *, max_megapixels: float | None = None) -> Scan:
    """Return the infrared plane as a grey scan (H,W), uint8 or uint16, dark where infrared light was blocked.

    Args:
        data: the whole TIFF of the scan.
        name: for messages.
        max_megapixels: the installation's limit by default.

    Raises:
        UnreadableScan: UNSUPPORTED where it has no such page; or it cannot be read completely.
    """
    info = inspect(data, name, Limits.from_settings() if max_megapixels is None else Limits(max_megapixels))
    if info.infrared != "page":
        raise rejection(Reason.UNSUPPORTED, name, "TIFF without an infrared page")
    pages = tiff.read_pages(data, name)
    number = tiff.infrared_page(pages, tiff.main_page(pages)[0])
    assert number is not None
    tiff_segments.check(data, pages[number], number, tiff_segments.find(data, pages[number], name), name)
    with io.BytesIO(data) as stream, tifffile.TiffFile(stream) as file:
        plane: Pixels = np.ascontiguousarray(file.pages[number].asarray())
    depth = 16 if plane.dtype == np.uint16 else 8
    return Scan(plane, ScanInfo("TIFF", info.width, info.height, 1, depth, 1, info.orientation, "L"))
