"""Detect damage classically: find what stands out at several cuts, and classify each component."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.classical import classifier
from pipeline.detection.classical.components import CUTS, MeasuredComponents, find_components
from pipeline.detection.classical.local_contrast import local_contrast
from pipeline.detection.postprocess import postprocess
from pipeline.detection.types import Component, Detection, Level
from pipeline.imaging.luminance import find_transparent, luminance
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Mask, Pixels

#: Changed when the same scan could get another mask; part of the detector's digest.
VERSION = "5"

#: Components wider than this many units are only suggested: no rule decides what broad things are.
WIDEST = 14.0

#: Side in pixels of the blocks in which a large scan is searched, and the margin searched around each.
BLOCK, RIM = 4096, 256


class ClassicalDetector:
    """Top-hats and oriented lines at several scales, and a classifier of components; no network on pixels."""

    name = "classical"

    def __init__(self) -> None:
        table = classifier.TABLE.read_bytes()
        self.digest = hashlib.sha256(f"classical-{VERSION}".encode() + table).hexdigest()

    def detect(
        self, pixels: Pixels, *, precision: float = 0.9, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Return the damage on a scan; see `Detector.detect`. It is calibrated for one precision only."""
        grey = luminance(pixels)
        unit = unit_of(grey)
        repair, suggest = np.zeros_like(grey), np.zeros_like(grey)
        components: list[Component] = []
        for inner, outer in blocks(grey.shape[0], grey.shape[1]):
            local = _BlockSearch(grey[outer], unit, sensitivity)
            local.run()
            inside = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(inner, outer, strict=True)
            )
            repair[inner], suggest[inner] = local.repair[inside], local.suggest[inside]
            components.extend(_place_on_scan(local.components, inner, outer))
        outside = find_transparent(pixels)
        if outside is not None:
            repair[outside] = 0
            suggest[outside] = 0
        return postprocess(repair, suggest, components, dilate=dilate, max_coverage=max_coverage, pixels=pixels)


def adjust_thresholds(thresholds: NDArray[np.float64], sensitivity: float) -> NDArray[np.float64]:
    """Return thresholds divided on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = thresholds / (1 - thresholds) / sensitivity
    adjusted: NDArray[np.float64] = odds / (1 + odds)
    return adjusted


Block = tuple[slice, slice]


def blocks(rows: int, columns: int) -> Iterator[tuple[Block, Block]]:
    """Yield blocks that tile a picture, each with the larger block that is searched for it; bounds memory."""
    for top in range(0, rows, BLOCK):
        for left in range(0, columns, BLOCK):
            bottom, right = min(rows, top + BLOCK), min(columns, left + BLOCK)
            inner = (slice(top, bottom), slice(left, right))
            yield (
                inner,
                (
                    slice(max(0, top - RIM), min(rows, bottom + RIM)),
                    slice(max(0, left - RIM), min(columns, right + RIM)),
                ),
            )


def _place_on_scan(components: list[Component], inner: Block, outer: Block) -> Iterator[Component]:
    """Yield the components of a block whose middle lies in its inner part, placed on the whole scan."""
    for component in components:
        x, y, width, height = component.box
        x, y = x + outer[1].start, y + outer[0].start
        if inner[1].start <= x + width // 2 < inner[1].stop and inner[0].start <= y + height // 2 < inner[0].stop:
            yield replace(component, box=(x, y, width, height))


class _BlockSearch:
    """The search of one block: masks and components, extended cut by cut."""

    def __init__(self, grey: Mask, unit: float, sensitivity: float) -> None:
        self.grey, self.unit, self.sensitivity = grey, unit, sensitivity
        self.repair, self.suggest = np.zeros_like(grey), np.zeros_like(grey)
        self.components: list[Component] = []

    def run(self) -> None:
        """Classify the components of both polarities at every cut."""
        for contrast, bright in zip(local_contrast(self.grey), (True, False), strict=True):
            for cut in CUTS:
                found = find_components(self.grey, contrast, bright=bright, cut=cut)
                if len(found):
                    self._accept(found, cut)

    def _accept(self, found: MeasuredComponents, cut: float) -> None:
        """Add the components that are likely enough; what a lower cut accepted is not accepted again."""
        probability = classifier.probabilities(found, self.unit, cut)
        confident = probability >= adjust_thresholds(classifier.repair_thresholds(found, self.unit), self.sensitivity)
        confident &= found.width <= WIDEST * self.unit
        likely = probability >= adjust_thresholds(np.full(len(probability), classifier.SUGGEST), self.sensitivity)
        repaired = confident & ~_covered(found, self.repair)
        suggested = (likely | confident) & ~_covered(found, self.suggest)
        # A repair is a suggestion too, also where a lower cut suggested a larger component around it.
        _paint(self.repair, found, repaired)
        _paint(self.suggest, found, repaired | suggested)
        for index in np.flatnonzero(repaired | (suggested & ~confident)).tolist():
            kind, reason = classifier.describe(found, index, self.unit)
            x, y, width, height = (int(n) for n in found.boxes[index])
            level: Level = "repair" if repaired[index] else "suggest"
            area, rounded = int(found.area[index]), round(float(probability[index]), 3)
            self.components.append(Component(kind, level, (x, y, width, height), area, rounded, reason))


def _paint(mask: Mask, found: MeasuredComponents, chosen: NDArray[np.bool_]) -> None:
    """Mark the chosen components, in place."""
    if chosen.any():
        mask[np.concatenate([[False], chosen])[found.labels]] = 255


def _covered(found: MeasuredComponents, mask: Mask) -> NDArray[np.bool_]:
    """Return (n,) whether more than half of each component is marked already."""
    touched = np.bincount(found.labels[mask > 0], minlength=len(found) + 1)[1:]
    result: NDArray[np.bool_] = touched > 0.5 * found.area
    return result
