"""Small pictures of each scan for report and digest, made while its pixels are at hand."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import scans, storage
from pipeline.scans import Scan
from pipeline.stages.work import Work

if TYPE_CHECKING:
    from pipeline.reports import Preview

LONG_SIDE = 900
MARK = (230, 30, 30)
PARTS = ("before", "mask", "after")


def write(work: Work, scan_id: int, scan: Scan, mask: NDArray[np.uint8] | None, after: NDArray[Any] | None) -> None:
    """Writes the pictures of one scan to the work area: before, with its damage marked, and after, where there is."""
    before = scans.oriented_preview(scan, scan.info.orientation, LONG_SIDE)
    pictures: dict[str, Image.Image] = {"before": before}
    if mask is not None:
        pictures["mask"] = marked(before, mask, scan.info.orientation)
    if after is not None:
        pictures["after"] = scans.oriented_preview(replace(scan, pixels=after), scan.info.orientation, LONG_SIDE)
    for part, picture in pictures.items():
        target = io.BytesIO()
        flat = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
        flat.save(target, "JPEG", quality=90)
        storage.write_bytes(_uri(work, scan_id, part), target.getvalue())


def marked(before: Image.Image, mask: NDArray[np.uint8], orientation: int) -> Image.Image:
    """Returns a small picture with the mask laid over in red; the thinnest scratch stays visible."""
    height, width = mask.shape
    shrink = max(1, int(np.ceil(max(height, width) / LONG_SIDE)))
    thick = cv2.dilate(mask, np.ones((shrink, shrink), np.uint8)) if shrink > 1 else mask
    small = scans.oriented_preview(thick, orientation, LONG_SIDE).point(lambda level: 255 if level > 50 else 0)
    red = Image.new("RGB", before.size, MARK)
    return Image.composite(Image.blend(before.convert("RGB"), red, 0.8), before.convert("RGB"), small)


def reader(work: Work) -> Callable[[Any], Preview | None]:
    """Returns what gives the pictures of a row, or None where there are none."""
    from pipeline.reports import Preview

    def preview(row: Any) -> Preview | None:
        found = {part: _read(_uri(work, int(row["scan_id"]), part)) for part in PARTS}
        before = found["before"]
        return None if before is None else Preview(before=before, mask=found["mask"], after=found["after"])

    return preview


def _uri(work: Work, scan_id: int, part: str) -> str:
    return work.place("previews", f"{scan_id}-{part}.jpg")


def _read(uri: str) -> Image.Image | None:
    try:
        return Image.open(io.BytesIO(storage.read_bytes(uri)))
    except FileNotFoundError:
        return None
