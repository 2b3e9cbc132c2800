"""Pixels in the work area: masters decoded in isolation, masks as PNG, fills as the values under the mask."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import scans, storage
from pipeline.errors import RestorationError
from pipeline.imaging.mapped import release, scratch
from pipeline.masks.encode import encode_mask
from pipeline.scans import Scan
from pipeline.stages.scan_row import ScanRow

# Rows copied at a time.
ROWS = 256


class MasterGone(RestorationError):
    """The scan was removed from the inbox, or replaced by another file."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def read_master(row: ScanRow) -> Scan:
    """Return a scan's pixels.

    Raises:
        MasterGone: it was removed or replaced since it was received.
        UnreadableScan: it cannot be decoded whole.
        StoreUnavailable: the store did not answer.
    """
    try:
        return scans.decode_isolated(row.uri, name=row.path)
    except FileNotFoundError as error:
        raise MasterGone("gone", "the file was removed from the inbox while it was being processed") from error


def check_unchanged(row: ScanRow) -> None:
    """Raise MasterGone unless the bytes in the inbox are those that were received."""
    try:
        found = storage.sha256(row.uri)
    except FileNotFoundError as error:
        raise MasterGone("gone", "the file was removed from the inbox while it was being processed") from error
    if found != row.sha256:
        raise MasterGone(
            "changed", "the file was replaced while it was being processed; the next run takes the new one"
        )


def write_mask(uri: str, mask: NDArray[np.uint8]) -> None:
    """Write a mask (H,W) of the work area as 8-bit grey PNG, 255 = damaged; removed with it, it need not be small."""
    storage.write_bytes(uri, encode_mask(mask, level=1))


def read_mask(uri: str) -> NDArray[np.uint8]:
    """Return a mask (H,W) uint8 of the work area or the output."""
    data = storage.read_bytes(uri)
    with Image.open(io.BytesIO(data)) as image:
        if image.format == "PNG" and image.mode == "L":
            # Pillow would need three planes for one.
            return np.asarray(imagecodecs.png_decode(data), np.uint8)
        return np.asarray(image.convert("L"))


def combine_levels(mask: NDArray[np.uint8] | None, suggested: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """Return both masks in one (H,W): 255 = filled, or to be filled, 128 = only suggested; None without any mask."""
    if suggested is None:
        return mask
    levels = np.minimum(suggested, np.uint8(128))
    return levels if mask is None else np.maximum(mask, levels, out=levels)


def write_fill(uri: str, values: NDArray[Any]) -> None:
    """Write the filled pixels (N,) or (N,C) at native depth, in the order of the mask's pixels."""
    target = io.BytesIO()
    np.save(target, values, allow_pickle=False)
    storage.write_bytes(uri, target.getvalue())


def apply_fill(pixels: NDArray[Any], mask: NDArray[np.uint8], uri: str) -> NDArray[Any]:
    """Return a copy of a scan's pixels with the fill under the mask; no other pixel can change.

    A large copy is mapped and not in memory.

    Raises:
        ValueError: the fill was not made for this scan and mask.
        NoRoom: the disk for temporary files is full.
    """
    values = np.load(io.BytesIO(storage.read_bytes(uri)), allow_pickle=False)
    if values.dtype != pixels.dtype:
        raise ValueError(f"the fill is {values.dtype}, the scan {pixels.dtype}")
    result = scratch(pixels.shape, pixels.dtype)
    done = 0
    for top in range(0, len(pixels), ROWS):
        rows = slice(top, top + ROWS)
        damaged = mask[rows] > 0
        count = int(np.count_nonzero(damaged))
        result[rows] = pixels[rows]
        if done + count > len(values):
            break
        result[rows][damaged] = values[done : done + count]
        done += count
        release(pixels)
        release(result)
    if done != len(values) or done != np.count_nonzero(mask):
        raise ValueError(f"the fill has {len(values)} pixels, the mask {np.count_nonzero(mask)}")
    return result
