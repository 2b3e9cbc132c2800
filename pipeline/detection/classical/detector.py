"""The classical detector: what stands out, cut into pieces at several heights, each piece judged."""

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

VERSION = "4"

#: Pieces wider than this many units are left to people: what broad things are, no rule knows.
WIDEST = 14.0

#: Side in pixels of the blocks that a large scan is searched in, and how far each looks beyond its own.
BLOCK, RIM = 4096, 256


class ClassicalDetector:
    """Top-hats and oriented lines at several scales, and a judgement over each piece; no network."""

    name = "classical"

    def __init__(self) -> None:
        table = classifier.TABLE.read_bytes()
        self.digest = hashlib.sha256(f"classical-{VERSION}".encode() + table).hexdigest()

    def detect(
        self, pixels: Pixels, *, precision: float = 0.95, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Return the damage on a scan; see `Detector.detect`. It is calibrated for one precision alone."""
        grey = luminance(pixels)
        unit = unit_of(grey)
        repair, suggest = np.zeros_like(grey), np.zeros_like(grey)
        components: list[Component] = []
        for inner, outer in blocks(grey.shape[0], grey.shape[1]):
            local = _Block(grey[outer], unit, sensitivity)
            local.search()
            inside = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(inner, outer, strict=True)
            )
            repair[inner], suggest[inner] = local.repair[inside], local.suggest[inside]
            components.extend(_moved(local.components, inner, outer))
        outside = find_transparent(pixels)
        if outside is not None:
            repair[outside] = 0
            suggest[outside] = 0
        return postprocess(repair, suggest, components, dilate=dilate, max_coverage=max_coverage)


def adjust_thresholds(chance: NDArray[np.float64], sensitivity: float) -> NDArray[np.float64]:
    """Return thresholds moved on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = chance / (1 - chance) / sensitivity
    moved: NDArray[np.float64] = odds / (1 + odds)
    return moved


Box = tuple[slice, slice]


def blocks(rows: int, columns: int) -> Iterator[tuple[Box, Box]]:
    """Yield boxes that tile a picture, each with the box around it that is looked at for it; bounds memory."""
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


def _moved(components: list[Component], inner: Box, outer: Box) -> Iterator[Component]:
    """Yield those pieces of a block whose middle lies in its inner box, placed on the whole scan."""
    for piece in components:
        x, y, width, height = piece.box
        x, y = x + outer[1].start, y + outer[0].start
        if inner[1].start <= x + width // 2 < inner[1].stop and inner[0].start <= y + height // 2 < inner[0].stop:
            yield replace(piece, box=(x, y, width, height))


class _Block:
    """The search through one block: masks and explanations, added to as cut after cut is judged."""

    def __init__(self, grey: Mask, unit: float, sensitivity: float) -> None:
        self.grey, self.unit, self.sensitivity = grey, unit, sensitivity
        self.repair, self.suggest = np.zeros_like(grey), np.zeros_like(grey)
        self.components: list[Component] = []

    def search(self) -> None:
        """Judges the pieces of both polarities at every cut."""
        for found, bright in zip(local_contrast(self.grey), (True, False), strict=True):
            for cut in CUTS:
                pieces = find_components(self.grey, found, bright=bright, cut=cut)
                if len(pieces):
                    self._accept(pieces, cut)

    def _accept(self, pieces: MeasuredComponents, cut: float) -> None:
        """Add the pieces that are likely enough; what a lower cut accepted is not accepted again."""
        chance = classifier.probabilities(pieces, self.unit, cut)
        confident = chance >= adjust_thresholds(classifier.repair_thresholds(pieces, self.unit), self.sensitivity)
        confident &= pieces.width <= WIDEST * self.unit
        likely = chance >= adjust_thresholds(np.full(len(chance), classifier.SUGGEST), self.sensitivity)
        repaired = confident & ~_covered(pieces, self.repair)
        suggested = (likely | confident) & ~_covered(pieces, self.suggest)
        # A mark for repair is a suggestion too, also where a lower cut suggested a larger piece around it.
        _paint(self.repair, pieces, repaired)
        _paint(self.suggest, pieces, repaired | suggested)
        for index in np.flatnonzero(repaired | (suggested & ~confident)).tolist():
            kind, reason = classifier.describe(pieces, index, self.unit)
            x, y, width, height = (int(n) for n in pieces.boxes[index])
            level: Level = "repair" if repaired[index] else "suggest"
            area, probability = int(pieces.area[index]), round(float(chance[index]), 3)
            self.components.append(Component(kind, level, (x, y, width, height), area, probability, reason))


def _paint(mask: Mask, pieces: MeasuredComponents, chosen: NDArray[np.bool_]) -> None:
    """Mark the chosen pieces, in place."""
    if chosen.any():
        mask[np.concatenate([[False], chosen])[pieces.labels]] = 255


def _covered(pieces: MeasuredComponents, mask: Mask) -> NDArray[np.bool_]:
    """Whether a piece lies in what is marked already."""
    touched = np.bincount(pieces.labels[mask > 0], minlength=len(pieces) + 1)[1:]
    result: NDArray[np.bool_] = touched > 0.5 * pieces.area
    return result
