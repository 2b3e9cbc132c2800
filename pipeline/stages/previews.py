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
    if levels is not None and levels.any():
        pictures["mask"] = draw_masks(before, levels, scan.info.orientation)
    if after is not None:
        with releasing(after):
            pictures["after"] = _preview(batch, replace(scan, pixels=after), stem, "restored")
    for part, picture in pictures.items():
        storage.write_bytes(_uri(batch, scan_id, part), _jpeg(picture, 90))
    marked = pictures.get("mask", before)
    if levels is not None and after is None and levels.max(initial=0) > 128:
        # Nothing is filled: all its marks are open, as the review shows them.
        marked = draw_masks(before, np.minimum(levels, np.uint8(128)), scan.info.orientation)
    small = marked.convert("RGB")
    small.thumbnail((THUMB_SIDE, THUMB_SIDE))
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


def draw_masks(before: Image.Image, levels: NDArray[np.uint8], orientation: int) -> Image.Image:
    """Return a small picture with its masks drawn over it; the thinnest scratch stays visible.

    Args:
        before: the picture, upright.
        levels: (H,W) uint8 as the scan is stored: 255 = to be filled, 128 = only suggested, 0 = intact.
        orientation: EXIF orientation of the scan.
    """
    picture = before.convert("RGB")
    suggested = _shrink(np.where(levels == 128, np.uint8(255), np.uint8(0)), orientation)
    if suggested.any():
        rows, columns = np.indices(suggested.shape)
        rim = cv2.dilate(suggested, np.ones((3, 3), np.uint8)) > suggested
        hatched = rim | ((suggested > 0) & ((rows + columns) % HATCH < HATCH // 2))
        picture = _draw_over(picture, hatched, SUGGESTION_COLOUR, 0.9)
    filled = _shrink(np.where(levels > 128, np.uint8(255), np.uint8(0)), orientation)
    # One pixel of rim, because a speck of two pixels is not visible on a printed page.
    picture = _draw_over(picture, cv2.dilate(filled, np.ones((3, 3), np.uint8)) > filled, FILL_COLOUR, 1.0)
    return _draw_over(picture, filled > 0, FILL_COLOUR, 0.8)


def _draw_over(
    picture: Image.Image, where: NDArray[np.bool_], colour: tuple[int, int, int], strength: float
) -> Image.Image:
    """Return a picture with a colour blended over the pixels of `where` (H,W)."""
    stencil = Image.fromarray(where.astype(np.uint8) * np.uint8(255))
    return Image.composite(Image.blend(picture, Image.new("RGB", picture.size, colour), strength), picture, stencil)


def _shrink(mask: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return a mask, 0 or 255, as small and as upright as its preview."""
    shrink = max(1, int(np.ceil(max(mask.shape) / LONG_SIDE)))
    thick = cv2.dilate(mask, np.ones((shrink, shrink), np.uint8)) if shrink > 1 else mask
    small = np.asarray(scans.oriented_preview(np.asarray(thick, np.uint8), orientation, LONG_SIDE))
    return np.where(small > 50, np.uint8(255), np.uint8(0))


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
