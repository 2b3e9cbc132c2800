"""The classical detector: what stands out, cut into pieces at several heights, each piece judged."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.classical import judge
from pipeline.damage.classical.pieces import CUTS, Pieces, find_pieces
from pipeline.damage.classical.relief import relief
from pipeline.damage.finish import finish
from pipeline.damage.luminance import luminance, transparent
from pipeline.damage.types import Component, Detection, Mask, Pixels

VERSION = "2"

#: Pieces wider than this many units are left to people: what broad things are, no rule knows.
WIDEST = 14.0


class ClassicalDetector:
    """Top-hats and oriented lines at several scales, and a judgement over each piece; no network."""

    name = "classical"

    def __init__(self) -> None:
        table = judge._TABLE.read_bytes()
        self.digest = hashlib.sha256(f"classical-{VERSION}".encode() + table).hexdigest()

    def detect(
        self, pixels: Pixels, *, sensitivity: float = 1.0, dilate: int = 2, max_coverage: float = 0.15
    ) -> Detection:
        """Returns the damage on a scan; see `Detector.detect`."""
        grey = luminance(pixels)
        unit = max(1.0, float(np.sqrt(grey.size)) / 512)
        repair, suggest = np.zeros_like(grey), np.zeros_like(grey)
        components: list[Component] = []
        for found, bright in zip(relief(grey), (True, False), strict=True):
            for cut in CUTS:
                pieces = find_pieces(grey, found, bright=bright, cut=cut)
                _accept(pieces, unit, cut, sensitivity, repair, suggest, components)
        outside = transparent(pixels)
        if outside is not None:
            repair[outside] = 0
            suggest[outside] = 0
        return finish(repair, suggest, components, dilate=dilate, max_coverage=max_coverage)


def threshold(chance: float, sensitivity: float) -> float:
    """Returns a threshold moved on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = chance / (1 - chance) / sensitivity
    return odds / (1 + odds)


def _accept(
    pieces: Pieces,
    unit: float,
    cut: float,
    sensitivity: float,
    repair: Mask,
    suggest: Mask,
    components: list[Component],
) -> None:
    """Adds the pieces that are likely enough, in place; what a lower cut accepted whole is not accepted again."""
    if not len(pieces):
        return
    chance = judge.chances(pieces, unit, cut)
    confident = (chance >= threshold(judge.REPAIR, sensitivity)) & (pieces.width <= WIDEST * unit)
    likely = (chance >= threshold(judge.SUGGEST, sensitivity)) | confident
    for mask, accepted, level in ((repair, confident, "repair"), (suggest, likely, "suggest")):
        fresh = accepted & ~_covered(pieces, mask)
        lookup = np.concatenate([[False], fresh])
        mask[lookup[pieces.labels]] = 255
        if level == "repair":
            suggest[lookup[pieces.labels]] = 255
        for index in np.flatnonzero(fresh & (confident if level == "repair" else ~confident)):
            kind, reason = judge.describe(pieces, int(index), unit)
            x, y, width, height = (int(n) for n in pieces.boxes[index])
            found = round(float(chance[index]), 3)
            area = int(pieces.area[index])
            components.append(
                Component(
                    kind, "repair" if level == "repair" else "suggest", (x, y, width, height), area, found, reason
                )
            )


def _covered(pieces: Pieces, mask: Mask) -> NDArray[np.bool_]:
    """Whether a piece lies in what is marked already."""
    touched = np.bincount(pieces.labels[mask > 0], minlength=len(pieces) + 1)[1:]
    result: NDArray[np.bool_] = touched > 0.5 * pieces.area
    return result
