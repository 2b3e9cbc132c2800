"""Turn planes between rows and columns as stored and as a viewer shows them, by EXIF orientation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from pipeline.imaging.types import Box

# Whether rows and columns are exchanged first, then whether rows and columns are reversed (EXIF 2.32, tag 274).
STEPS: dict[int, tuple[bool, bool, bool]] = {
    1: (False, False, False), 2: (False, False, True), 3: (False, True, True), 4: (False, True, False),
    5: (True, False, False), 6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip


def upright(plane: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of a plane (H,W) or (H,W,C) as a viewer shows it; unknown orientations leave it as it is."""
    swap, rows, columns = STEPS.get(orientation, STEPS[1])
    turned = plane.swapaxes(0, 1) if swap else plane
    return _reverse(turned, rows, columns)


def as_stored(plane: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of an upright plane (H,W) or (H,W,C) with the rows and columns of the file."""
    swap, rows, columns = STEPS.get(orientation, STEPS[1])
    turned = _reverse(plane, rows, columns)
    return turned.swapaxes(0, 1) if swap else turned


def _reverse(plane: NDArray[Any], rows: bool, columns: bool) -> NDArray[Any]:
    result: NDArray[Any] = plane[:: -1 if rows else 1, :: -1 if columns else 1]
    return result


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height as a viewer shows a picture."""
    swap = STEPS.get(orientation, STEPS[1])[0]
    return (height, width) if swap else (width, height)


def stored_box(box: Sequence[int], width: int, height: int, orientation: int) -> Box:
    """Return a box of the upright picture in the file's rows and columns.

    Args:
        box: x, y, width and height.
        width, height: of the upright picture.
    """
    swap, rows, columns = STEPS.get(orientation, STEPS[1])
    x, y, across, down = box
    x, y = (width - x - across if columns else x), (height - y - down if rows else y)
    return (y, x, down, across) if swap else (x, y, across, down)


def upright_box(box: Sequence[int], width: int, height: int, orientation: int) -> Box:
    """Return a box of the file's rows and columns as a viewer shows it.

    Args:
        box: x, y, width and height.
        width, height: of the upright picture.
    """
    swap, rows, columns = STEPS.get(orientation, STEPS[1])
    x, y, across, down = box
    if swap:
        x, y, across, down = y, x, down, across
    return (width - x - across if columns else x), (height - y - down if rows else y), across, down
