"""Measure marks: connected components of probabilities, and how each stands out from the picture around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.luminance import luminance
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Pixels

Probabilities = NDArray[np.uint8]
Flags = NDArray[np.bool_]

#: Probability in 1/255 below which a pixel belongs to the background that marks are compared with.
BACKGROUND = 26
#: Sides in units of the squares over which the background is averaged, and the share of it that must be background; the
#: wider one is used inside broad marks.
NEAR, WIDE, NEAR_SHARE, WIDE_SHARE = 31, 125, 0.08, 0.02
#: A pixel is seen to differ from its background by more than so many grey levels, and besides by so many times the mean
#: difference of the background itself from it, its grain.
LEVELS, GRAINS = 4.0, 0.65
#: Values of the gradient plane per grey level a pixel.
GRADIENT = 2
#: Rows computed at a time where whole planes would need memory.
ROWS = 512
#: Rows in which marks are looked for at a time: what holds none costs next to nothing.
STRIP = 64
SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Marks:
    """What reaches a probability on a scan, one row for each connected component.

    Attributes:
        components: the marks.
        peak: (n,) uint8, highest probability in 1/255.
        contrast: (n,) mean difference from the background in grey levels; above 0 it is lighter.
        cut: the probability that they reach, in 1/255.
    """

    components: ConnectedComponents
    peak: NDArray[np.uint8]
    contrast: NDArray[np.float64]
    cut: int

    def __len__(self) -> int:
        return len(self.components)

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels of each (n,)."""
        return self.components.areas

    @property
    def light(self) -> Flags:
        """Which are lighter than their surroundings (n,); the others are darker."""
        result: Flags = self.contrast > 0
        return result

    def paint(self, chosen: Flags) -> NDArray[np.uint8]:
        """Return (H,W), 255 in the chosen marks (n,)."""
        return self.components.paint(np.where(chosen, np.uint8(255), np.uint8(0)))


class MarkedScan:
    """A scan's probabilities, and the planes on which marks are measured.

    Memory beside the scan and its probabilities: two bytes a pixel, and two more meanwhile.

    Args:
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        probability: (H,W) uint8, the network's answer in 1/255.
    """

    def __init__(self, pixels: Pixels, probability: Probabilities) -> None:
        self.pixels, self.probability, self.unit = pixels, probability, unit_of(probability)
        self._free = _free(probability, self.unit)
        self._contrast = _contrast(luminance(pixels), probability, self._free, self.unit)
        self._grain: NDArray[np.uint8] | None = None
        self._gradient: NDArray[np.uint8] | None = None
        self._marks: dict[int, Marks] = {}

    def marks(self, cut: int) -> Marks:
        """Return what reaches a probability of `cut`/255."""
        if cut not in self._marks:
            self._marks[cut] = self._measure(cut)
        return self._marks[cut]

    def visible_marks(self, cut: int, *, light: bool) -> Marks:
        """Return what reaches a probability of `cut`/255 and is seen to be lighter, or darker, than what is around."""
        result = np.zeros_like(self.probability)
        limit: NDArray[np.uint8] | None = None
        for top in range(0, len(result), STRIP):
            part = slice(top, top + STRIP)
            columns = np.flatnonzero((self.probability[part] >= cut).any(axis=0))
            if not len(columns):
                continue
            if limit is None:
                limit = self._least_seen()
            where = (part, slice(int(columns[0]), int(columns[-1]) + 1))
            seen = self._differing(where, light) > limit[where]
            result[where] = np.where(seen, self.probability[where], np.uint8(0))
        del limit  # a plane of the scan's size
        return self._measure(cut, result)

    def _least_seen(self) -> NDArray[np.uint8]:
        """Return (H,W), the least difference from the background that the grain there lets see."""
        if self._grain is None:
            self._grain = _grain(self._contrast, self.probability, self._free, self.unit)
        return np.asarray(
            cv2.resize(self._grain, self.probability.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8
        )

    def of_polarity(self, mask: NDArray[np.uint8], sure: int, *, light: bool) -> NDArray[np.uint8]:
        """Return a mask (H,W) of lighter or darker marks, without pixels that are neither so nor of a probability.

        Where the network looks at a copy of half the size, what it is sure of has a halo.

        Args:
            mask: 255 in marks; it is changed.
            sure: probability in 1/255 from which pixels are kept however they differ.
            light: whether the marks are lighter than their surroundings.
        """
        for top in range(0, len(mask), ROWS):
            part = slice(top, top + ROWS)
            mask[part][(self._differing(part, light) <= 0) & (self.probability[part] < sure)] = 0
        return mask

    def _differing(self, part: slice | tuple[slice, slice], light: bool) -> NDArray[np.int8]:
        """Return by how many grey levels a part is lighter, or darker, than its background."""
        return self._contrast[part] if light else np.negative(np.maximum(self._contrast[part], -127))

    def contrast(self, components: ConnectedComponents) -> NDArray[np.float64]:
        """Return (n,) the mean difference of components from the background in grey levels."""
        result: NDArray[np.float64] = components.sums(self._contrast) / np.maximum(components.areas, 1)
        return result

    def rims(self, marks: Marks) -> NDArray[np.float64]:
        """Return (n,) the mean gradient at the rim of each mark, grey levels a pixel."""
        plane = np.asarray(cv2.threshold(self.probability, marks.cut - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
        return self.rims_of(plane, marks.components)

    def rims_of(self, plane: NDArray[np.uint8], components: ConnectedComponents) -> NDArray[np.float64]:
        """Return (n,) the mean gradient at the rim of each component of a mask (H,W), which is changed."""
        cv2.subtract(plane, cv2.erode(plane, SQUARE), dst=plane)  # the rim
        if self._gradient is None:
            self._gradient = _gradient(luminance(self.pixels))
        cv2.min(plane, self._gradient, dst=plane)
        sums = components.sums(plane)
        np.minimum(plane, 1, out=plane)
        return sums / np.maximum(components.sums(plane), 1) / GRADIENT

    def _measure(self, cut: int, plane: NDArray[np.uint8] | None = None) -> Marks:
        components = connected_components(self.probability if plane is None else plane, cut)
        return Marks(components, components.maxima(self.probability), self.contrast(components), cut)


def _gradient(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H,W), the highest gradient within a pixel in 1/`GRADIENT` grey levels a pixel, at least 1."""
    result = np.empty_like(grey)
    for top in range(0, len(grey), ROWS):
        first, last = max(0, top - 2), min(len(grey), top + ROWS + 2)
        strip = grey[first:last]
        across, down = (cv2.Sobel(strip, cv2.CV_32F, *order, scale=GRADIENT / 8) for order in ((1, 0), (0, 1)))
        steep = cv2.dilate(cv2.convertScaleAbs(cv2.magnitude(across, down)), SQUARE)
        np.maximum(steep[top - first : top - first + ROWS], 1, out=result[top : top + ROWS])
    return result


def _free(probability: Probabilities, unit: float) -> NDArray[np.float32]:
    """Return the share of what is no mark at each place, 0..1, on a copy of about 512 × 512 pixels."""
    free = _unmarked(probability)
    size = tuple(max(1, round(side / int(unit))) for side in free.shape[::-1])
    return np.asarray(cv2.resize(free, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255, np.float32)


def _unmarked(probability: Probabilities) -> NDArray[np.uint8]:
    """Return (H,W), 255 in what is no mark."""
    return np.asarray(cv2.threshold(probability, BACKGROUND - 1, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)


def _contrast(
    grey: NDArray[np.uint8], probability: Probabilities, shares: NDArray[np.float32], unit: float
) -> NDArray[np.int8]:
    """Return (H,W), the difference from the background in grey levels, at most 127 either way."""
    small = _background(grey, probability, shares, unit)
    background = cv2.resize(small, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    result = np.empty(grey.shape, np.int8)
    for top in range(0, len(grey), ROWS):
        part = slice(top, top + ROWS)
        result[part] = cv2.subtract(grey[part], background[part], dtype=cv2.CV_8S)
    return result


def _background(
    grey: NDArray[np.uint8], probability: Probabilities, shares: NDArray[np.float32], unit: float
) -> NDArray[np.uint8]:
    """Return the mean of what is no mark around each place, on the copy on which its shares are known."""
    free = _unmarked(probability)
    sums = cv2.resize(cv2.min(grey, free, dst=free), shares.shape[::-1], interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    result = np.full(shares.shape, float(sums.sum() / max(float(shares.sum()), 1e-6)), np.float32)
    average_around([sums], shares, unit, NEAR, [result])
    return np.rint(result).clip(0, 255).astype(np.uint8)


def average_around(
    sums: Sequence[NDArray[np.float32]], shares: NDArray[np.float32], unit: float, near: int,
    results: Sequence[NDArray[np.float32]],
) -> None:  # fmt: skip
    """Set results (h,w) to the mean around each place of what counts; what too little of counts around stays as it is.

    Args:
        sums: planes (h,w) of about 512 × 512, multiplied by the shares.
        shares: (h,w) how much of each place counts, 0..1.
        unit: of the scan.
        near: side in units of the square that is averaged; a wider one is used inside broad marks.
    """
    missing = np.ones(shares.shape, np.bool_)
    for side, least in ((near, NEAR_SHARE), (WIDE, WIDE_SHARE)):
        width = round(side * unit / int(unit)) | 1
        share = cv2.blur(shares, (width, width))
        known = missing & (share > least)
        missing &= ~known
        np.maximum(share, 1e-6, out=share)
        for plane, result in zip(sums, results, strict=True):
            np.divide(cv2.blur(plane, (width, width)), share, out=result, where=known)
        if not missing.any():
            break


def _grain(
    contrast: NDArray[np.int8], probability: Probabilities, shares: NDArray[np.float32], unit: float
) -> NDArray[np.uint8]:
    """Return the least difference that is seen around each place, in grey levels, on the copy of the shares."""
    free = _unmarked(probability)
    # The lowest int8, -128, becomes 128.
    difference = np.abs(contrast).view(np.uint8)
    total = cv2.resize(cv2.min(difference, free, dst=free), shares.shape[::-1], interpolation=cv2.INTER_AREA)
    width = round(NEAR * unit / int(unit)) | 1
    mean = cv2.blur(total.astype(np.float32), (width, width)) / np.maximum(cv2.blur(shares, (width, width)), 1e-6)
    limit = LEVELS + GRAINS * mean
    return np.asarray(np.rint(limit).clip(0, 127), np.uint8)
