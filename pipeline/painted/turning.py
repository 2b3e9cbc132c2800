"""Turn a mask to lie as its scan is stored, by EXIF orientations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Reason, UnreadableScan

#: EXIF orientation → the orientation that undoes it.
_UNDO = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


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
    as_stored, as_shown = Reading(_as_is, ""), Reading(lambda a: unorient(a, orientation), "turned back as the scan is")
    if own in range(2, 9):
        if own == orientation and size == scan_size:
            return (as_stored,)
        if _turned(_turned(size, own), orientation) == scan_size:
            note = "turned as its own EXIF orientation says"
            return (Reading(lambda a: unorient(orient(a, own), orientation), note),)
    fits = [as_stored] if size == scan_size else []
    if orientation in range(2, 9) and _turned(size, orientation) == scan_size:
        fits.append(as_shown)
    if not fits:
        given, wanted = (f"{columns} × {rows}" for rows, columns in (size, scan_size))
        message = f"mask {name} is {given} pixels, the scan is {wanted}; save the mask at the scan's size"
        raise UnreadableScan(Reason.MASK_MISMATCH, message)
    return tuple(fits)


def orient(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return an array (H,W,…) as a viewer shows it."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 7, 8) else 1
    across = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(array[::down, ::across])


def unorient(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return an array (H,W,…) as it is stored: undo what `orient` does."""
    return orient(array, _UNDO.get(orientation, 1))


def _as_is(array: NDArray[Any]) -> NDArray[Any]:
    return array


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if orientation >= 5 else size
