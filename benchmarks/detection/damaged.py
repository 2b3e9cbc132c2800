"""Detectors on damaged pictures: scores by level, kind and appearance, and the curve over all thresholds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.detection.bands import Bands
from benchmarks.detection.datasets import DamagedPicture
from benchmarks.detection.scores import PixelCounts, Plane, PrecisionRecallCurve
from benchmarks.detection.unattended import detect_without_rim, fill_unattended
from pipeline.detection.rim import add_rims
from pipeline.detection.types import Detector
from pipeline.settings import Recipe

#: What is repaired, what is suggested, and what an unattended run fills: repairs that the guards let pass.
LEVELS = ("repair", "suggest", "filled")


def on_damaged(
    detectors: dict[str, Detector], cases: Iterable[DamagedPicture], recipe: Recipe | None = None, *, rim: bool = False
) -> dict[str, dict[str, Any]]:
    """Return for each detector its figures by level, pixels pooled over all pictures, and its curve.

    Keys: each level with precision, recall, F1, Dice, IoU, `bands` (recall by band) and `kinds` (figures by kind:
    recall of that kind's pixels; precision too where it was the picture's only kind); `review_share`, the share of
    pictures that the guards keep for a person and of which nothing is `filled`; `curve` and `average_precision` of
    detectors that give probabilities. Masks are taken without a rim at every level, or with `rim` as they are written.
    """
    recipe = recipe or Recipe()
    counts = {name: {level: PixelCounts() for level in LEVELS} for name in detectors}
    bands = {name: {level: Bands() for level in LEVELS} for name in detectors}
    kinds = {name: {level: defaultdict[str, PixelCounts](PixelCounts) for level in LEVELS} for name in detectors}
    curves = {name: PrecisionRecallCurve() for name in detectors if hasattr(detectors[name], "probabilities")}
    recorders = {name: LastProbabilities(detectors[name]) for name in curves}
    pictures, kept = 0, dict.fromkeys(detectors, 0)
    for case in cases:
        pictures += 1
        for name, detector in detectors.items():
            found = detect_without_rim(detector, case.pixels, recipe)
            if name in curves:
                curves[name].add(recorders[name].last, case.truth)
            unattended = fill_unattended(case.pixels, found, recipe)
            kept[name] += unattended.review
            masks = (found.repair, found.suggest, unattended.found)
            if rim:
                repair, suggest = add_rims(found.repair, found.suggest | found.repair, case.pixels, recipe.dilate)
                masks = (repair, suggest, unattended.fill)
            for level, mask in zip(LEVELS, masks, strict=True):
                counts[name][level].add(mask, case.truth)
                bands[name][level].add(mask, case.truth, case.grey)
                for kind, truth in case.kinds.items():
                    kinds[name][level][kind].add(mask, truth)
    for recorder in recorders.values():
        recorder.restore()
    report: dict[str, dict[str, Any]] = {}
    for name in detectors:
        report[name] = {
            level: {
                **counts[name][level].ratios(),
                "bands": bands[name][level].recalls(),
                "kinds": {kind: one.ratios() for kind, one in sorted(kinds[name][level].items())},
            }
            for level in LEVELS
        }
        report[name]["review_share"] = round(kept[name] / max(1, pictures), 4)
        if name in curves:
            report[name]["average_precision"] = curves[name].average_precision()
            report[name]["curve"] = curves[name].points()
    return report


class LastProbabilities:
    """Keeps the last probabilities of a detector's network, so that it need not run twice."""

    def __init__(self, detector: Any) -> None:
        self._detector, self._compute = detector, detector.probabilities
        self.last: Plane
        detector.probabilities = self._record

    def _record(self, pixels: Plane) -> Plane:
        found = self._compute(pixels)
        self.last = found.copy()
        return np.asarray(found)

    def restore(self) -> None:
        """Restore the detector."""
        del self._detector.probabilities
