"""Small pictures of each scan for report and digest, made while its pixels are in memory."""

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
from pipeline.imaging.mapped import releasing
from pipeline.imaging.orientation import upright
from pipeline.imaging.reduce import reduce, reduced_size
from pipeline.imaging.tile_levels import first_level, level_size
from pipeline.scans import Scan
from pipeline.stages.batch import BatchContext

if TYPE_CHECKING:
    from pipeline.reports import Preview

# As large as a report shows them.
LONG_SIDE = 760
# What is filled, or would be, is red; what is only suggested is hatched in blue. The pattern distinguishes them in dark
# parts of a picture, in print without colour, and for readers who cannot distinguish red from green.
FILL_COLOUR, SUGGESTION_COLOUR = (230, 30, 30), (20, 90, 255)
HATCH = 6
PARTS = ("before", "mask", "after")
# Hidden, so that no one takes it for a result.
THUMBS, THUMB_SIDE = ".review", 320


def write_previews(
    batch: BatchContext,
    scan_id: int,
    scan: Scan,
    levels: NDArray[np.uint8] | None,
    after: NDArray[Any] | None,
    *,
    stem: str,
) -> None:
    """Write the pictures of one scan to the work area: before, with its damage marked, and after.

    A small one, with what is marked, stays in the output for the queue of the review, and one that fills a window, so
    that the review shows it at once.

    Args:
        stem: of the scan's results, see `ledger.publications`.
        levels: (H,W) uint8: 255 = to be filled, 128 = only suggested, 0 = intact; a mask will do.
        after: restored pixels as the scan is stored; None without any.
    """
    with releasing(scan.pixels):
        before = _preview(batch, scan, stem, "original")
    pictures: dict[str, Image.Image] = {"before": before}
    marks = None if levels is None else shrink_levels(levels, scan.info.orientation)
    if marks is not None and marks.any():
        pictures["mask"] = draw_marks(before, marks)
    if after is not None:
        with releasing(after):
            pictures["after"] = _preview(batch, replace(scan, pixels=after), stem, "restored")
    for part, picture in pictures.items():
        storage.write_bytes(_uri(batch, scan_id, part), _jpeg(picture, 90))
    marked = pictures.get("mask", before)
    if marks is not None and after is None and marks.max(initial=0) > 128:
        # Nothing is filled: all its marks are open, as the review shows them.
        marked = draw_marks(before, np.minimum(marks, np.uint8(128)))
    small = Image.fromarray(reduce(np.asarray(marked.convert("RGB")), THUMB_SIDE))
    storage.write_bytes(thumb_uri(batch.output, stem), _jpeg(small, 80))


def thumb_uri(output: str, stem: str) -> str:
    """Return the URI of a scan's small picture."""
    return storage.join(output, THUMBS, f"{stem}.jpg")


def first_level_uri(output: str, stem: str, which: str) -> str:
    """Return the URI of the picture of a scan that fills a window, or is the scan's own size.

    Args:
        which: `original` or `restored`.
    """
    return storage.join(output, THUMBS, f"{stem}.{which}.jpg")


def _preview(batch: BatchContext, scan: Scan, stem: str, which: str) -> Image.Image:
    """Return a scan's picture for reports, and keep the larger one that the review shows first."""
    height, width = scan.pixels.shape[:2]
    side = max(level_size(width, height, first_level(width, height)))
    picture = scans.oriented_preview(scan, scan.info.orientation, side)
    storage.write_bytes(first_level_uri(batch.output, stem, which), _jpeg(picture, 88))
    return picture if side <= LONG_SIDE else scans.oriented_preview(np.asarray(picture), 1, LONG_SIDE)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    target = io.BytesIO()
    flat = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    flat.save(target, "JPEG", quality=quality)
    return target.getvalue()


def shrink_levels(levels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return levels (H,W) as small and as upright as their preview: of pixels that become one, the highest level.

    Args:
        levels: (H,W) uint8 as the scan is stored: 255 = to be filled, 128 = only suggested, 0 = intact.
        orientation: EXIF orientation of the scan.
    """
    height, width = levels.shape
    size = reduced_size(width, height, LONG_SIDE)
    if size != (width, height):
        # One wider than need be, so that the line of a hair is two pixels wide.
        span = int(np.ceil(max(width / size[0], height / size[1]))) + 1
        highest = cv2.dilate(levels, np.ones((span, span), np.uint8))
        levels = np.asarray(cv2.resize(highest, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
    return upright(levels, orientation)


def draw_marks(before: Image.Image, marks: NDArray[np.uint8]) -> Image.Image:
    """Return a small picture with its masks drawn over it; the thinnest scratch stays visible.

    Args:
        before: the picture, upright.
        marks: (H,W) uint8 of the picture's size, as `shrink_levels` returns them.
    """
    picture = np.array(before.convert("RGB"))
    suggested = marks == 128
    if suggested.any():
        rows, columns = np.indices(marks.shape, np.int32)
        _blend(picture, _rim(suggested) | (suggested & ((rows + columns) % HATCH < HATCH // 2)), SUGGESTION_COLOUR, 0.9)
    filled = marks > 128
    if filled.any():
        # One pixel of rim, because a speck of two pixels is not visible on a printed page.
        _blend(picture, _rim(filled), FILL_COLOUR, 1.0)
        _blend(picture, filled, FILL_COLOUR, 0.8)
    return Image.fromarray(picture)


def _rim(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels around marks (H,W)."""
    return cv2.dilate(marks.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_) & ~marks


def _blend(picture: NDArray[np.uint8], where: NDArray[np.bool_], colour: tuple[int, int, int], strength: float) -> None:
    """Blend a colour into the pixels of `where` (H,W) of a picture (H,W,3)."""
    mixed = cv2.addWeighted(picture, 1 - strength, np.full_like(picture, colour), strength, 0)
    cv2.copyTo(mixed, where.view(np.uint8), picture)


def preview_reader(batch: BatchContext) -> Callable[[Any], Preview | None]:
    """Return a function that loads the pictures of a row of the batch's frame; it returns None where there are none."""
    from pipeline.reports import Preview

    def preview(row: Any) -> Preview | None:
        found = {part: _read(_uri(batch, int(row["scan_id"]), part)) for part in PARTS}
        before = found["before"]
        return None if before is None else Preview(before=before, mask=found["mask"], after=found["after"])

    return preview


def _uri(batch: BatchContext, scan_id: int, part: str) -> str:
    return batch.work_uri("previews", f"{scan_id}-{part}.jpg")


def _read(uri: str) -> Image.Image | None:
    try:
        return Image.open(io.BytesIO(storage.read_bytes(uri)))
    except FileNotFoundError:
        return None
