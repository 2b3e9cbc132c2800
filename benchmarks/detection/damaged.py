"""Detectors on damaged pictures: figures by level, by kind and by band, and the curve over all thresholds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.detection.bands import Bands
from benchmarks.detection.figures import Curve, Plane, Tally
from benchmarks.detection.night import found_bare, unattended
from benchmarks.detection.sets import Damaged
from pipeline.detection.postprocess import widen
from pipeline.detection.types import Detector
from pipeline.settings import Recipe

#: What is repaired, what is suggested, and what a night fills: repairs that the guards let pass.
LEVELS = ("repair", "suggest", "filled")


def on_damaged(
    detectors: dict[str, Detector], cases: Iterable[Damaged], recipe: Recipe | None = None, *, rim: bool = False
) -> dict[str, dict[str, Any]]:
    """Return for each detector its figures by level, pixels pooled over all pictures, and its curve.

    Keys: each level with precision, recall, F1, Dice, IoU, `bands` (recall by band) and `kinds` (figures by kind:
    recall of that kind's pixels; precision too where it was the picture's only kind); `review_share`, the share of
    pictures that the guards keep for a person and of which nothing is `filled`; `curve` and `average_precision` of
    detectors that tell chances. Masks are taken without a rim at every level, or with `rim` as they are written.
    """
    recipe = recipe or Recipe()
    tallies = {name: {level: Tally() for level in LEVELS} for name in detectors}
    bands = {name: {level: Bands() for level in LEVELS} for name in detectors}
    kinds = {name: {level: defaultdict[str, Tally](Tally) for level in LEVELS} for name in detectors}
    curves = {name: Curve() for name in detectors if hasattr(detectors[name], "chances")}
    asked = {name: Heard(detectors[name]) for name in curves}
    pictures, kept = 0, dict.fromkeys(detectors, 0)
    for case in cases:
        pictures += 1
        for name, detector in detectors.items():
            found = found_bare(detector, case.pixels, recipe)
            if name in curves:
                curves[name].add(asked[name].last, case.truth)
            night = unattended(case.pixels, found, recipe)
            kept[name] += night.review
            masks = (found.repair, found.suggest, night.found)
            if rim:
                masks = (widen(found.repair, recipe.dilate), widen(found.suggest, recipe.dilate), night.fill)
            for level, mask in zip(LEVELS, masks, strict=True):
                tallies[name][level].add(mask, case.truth)
                bands[name][level].add(mask, case.truth, case.grey)
                for kind, truth in case.kinds.items():
                    kinds[name][level][kind].add(mask, truth)
    for each in asked.values():
        each.leave()
    report: dict[str, dict[str, Any]] = {}
    for name in detectors:
        report[name] = {
            level: {
                **tallies[name][level].ratios(),
                "bands": bands[name][level].recalls(),
                "kinds": {kind: tally.ratios() for kind, tally in sorted(kinds[name][level].items())},
            }
            for level in LEVELS
        }
        report[name]["review_share"] = round(kept[name] / max(1, pictures), 4)
        if name in curves:
            report[name]["average_precision"] = curves[name].average_precision()
            report[name]["curve"] = curves[name].points()
    return report


class Heard:
    """Keeps what a detector's network said last, so that it need not be asked twice."""

    def __init__(self, detector: Any) -> None:
        self._detector, self._ask = detector, detector.chances
        self.last: Plane
        detector.chances = self._chances

    def _chances(self, pixels: Plane) -> Plane:
        found = self._ask(pixels)
        self.last = found.copy()
        return np.asarray(found)

    def leave(self) -> None:
        """Leave the detector as it was."""
        del self._detector.chances
