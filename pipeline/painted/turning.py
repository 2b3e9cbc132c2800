"""Turn a mask to lie as its scan is stored, by EXIF orientations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.orientation import as_stored, upright, upright_size


@dataclass(frozen=True)
class Reading:
    """One way in which a mask may lie on its scan.

    Attributes:
        turn: returns an array (H,W,…) of the mask's as it lies on the stored scan.
        note: how it was turned; empty for a mask that lies as the scan does.
    """

    turn: Callable[[NDArray[Any]], NDArray[Any]]
    note: str


def readings(
    size: tuple[int, int], own: int, scan_size: tuple[int, int], orientation: int, name: str
) -> tuple[Reading, ...]:
    """Return the ways in which a mask fits its scan, at least one.

    A mask with an orientation of its own (2 to 8) lies as that says. Another may have been painted on the picture as it
    is stored, or as viewers show it: where both fit, there are two readings.

    Args:
        size, scan_size: rows and columns as stored.
        own, orientation: EXIF orientation of mask and scan.
        name: of the mask, for messages.

    Raises:
        UnreadableScan: with MASK_MISMATCH, where it fits in no way.
    """
    unturned, as_shown = (
        Reading(_as_is, ""),
        Reading(lambda a: np.ascontiguousarray(as_stored(a, orientation)), "turned back as the scan is"),
    )
    if own in range(2, 9):
        if own == orientation and size == scan_size:
            return (unturned,)
        if upright_size(*upright_size(*size, own), orientation) == scan_size:
            note = "turned as its own EXIF orientation says"
            return (Reading(lambda a: np.ascontiguousarray(as_stored(upright(a, own), orientation)), note),)
    fits = [unturned] if size == scan_size else []
    if orientation in range(2, 9) and upright_size(*size, orientation) == scan_size:
        fits.append(as_shown)
    if not fits:
        given, wanted = (f"{columns} × {rows}" for rows, columns in (size, scan_size))
        message = f"mask {name} is {given} pixels, the scan is {wanted}; save the mask at the scan's size"
        raise UnreadableScan(Reason.MASK_MISMATCH, message)
    return tuple(fits)


def _as_is(array: NDArray[Any]) -> NDArray[Any]:
    return array
