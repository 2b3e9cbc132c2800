"""The classical detector: no weights, no training."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.damage.classical.judge import LEAVE, REPAIR, SUGGEST, describe, judge
from pipeline.damage.classical.pieces import Pieces, find_pieces
from pipeline.damage.classical.relief import relief
from pipeline.damage.finish import finish
from pipeline.damage.luminance import luminance, transparent
from pipeline.damage.types import Component, Detection, Level, Pixels

VERSION = "1"


class ClassicalDetector:
    """Top-hats and oriented lines at several scales, hysteresis, and a judgement over each piece."""

    name = "classical"
    digest = hashlib.sha256(f"classical-{VERSION}".encode()).hexdigest()

    def detect(
        self, pixels: Pixels, *, sensitivity: float = 1.0, dilate: int = 2, max_coverage: float = 0.15
    ) -> Detection:
        """Returns the damage on a scan; see `Detector.detect`."""
        grey = luminance(pixels)
        unit = max(1.0, float(np.sqrt(grey.size)) / 512)
        repair, suggest = np.zeros_like(grey), np.zeros_like(grey)
        components: list[Component] = []
        outside = transparent(pixels)
        for found, bright in zip(relief(grey), (True, False), strict=True):
            pieces = find_pieces(grey, found, bright=bright, sensitivity=sensitivity)
            verdict = judge(pieces, unit, sensitivity)
            lookup = np.concatenate([[np.int8(LEAVE)], verdict])[pieces.labels]
            repair[lookup == REPAIR] = 255
            suggest[lookup >= SUGGEST] = 255
            components.extend(_explain(pieces, int(i), int(verdict[i]), unit) for i in np.flatnonzero(verdict))
        if outside is not None:
            repair[outside] = 0
            suggest[outside] = 0
        return finish(repair, suggest, components, dilate=dilate, max_coverage=max_coverage)


def _explain(pieces: Pieces, index: int, verdict: int, unit: float) -> Component:
    kind, reason = describe(pieces, index, unit)
    x, y, width, height = (int(n) for n in pieces.boxes[index])
    level: Level = "repair" if verdict == REPAIR else "suggest"
    return Component(kind, level, (x, y, width, height), int(pieces.area[index]), None, reason)
