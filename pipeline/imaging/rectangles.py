"""Calculate with rectangles of pixels."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray


class Rect(NamedTuple):
    """A rectangle in pixels of a scan; `bottom` and `right` are exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return the index of the rectangle in an array (H,W,…)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grow(self, by: int, shape: tuple[int, ...]) -> Rect:
        """Return the rectangle with `by` pixels more on every side, clipped at the border of an array of `shape`."""
        return Rect(
            max(0, self.top - by),
            max(0, self.left - by),
            min(shape[0], self.bottom + by),
            min(shape[1], self.right + by),
        )

    def intersect(self, other: Rect) -> Rect | None:
        """Return the intersection of two rectangles, or None."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Rect(top, left, bottom, right) if top < bottom and left < right else None

    def within(self, outer: Rect) -> tuple[slice, slice]:
        """Return the index of the rectangle in an array that holds `outer`."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )


def bounding_rect(mask: NDArray[np.uint8]) -> Rect | None:
    """Return the smallest rectangle that holds all of a mask (H,W) that is not 0, or None where there is nothing."""
    left, top, width, height = cv2.boundingRect(mask)
    return Rect(top, left, top + height, left + width) if width else None
