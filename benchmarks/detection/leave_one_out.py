"""Choose the constants of the judgement without a scan, and measure them on that scan, for each labelled scan.

The shipped constants were chosen on all labelled scans, so what is measured there is too good. Here they are chosen
anew on all scans but one, one after the other, beginning with the shipped values: of each constant the value with the
highest recall at the wanted precision, or else with the highest precision. They are measured on the scan left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.labelled import LabelledScan
from benchmarks.detection.scores import PixelCounts, Plane
from pipeline.detection import judge, marks, rim, suggestions, swarms, tone_growth, wear, whole_lines
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.marks import MarkedScan
from pipeline.detection.thresholds import Thresholds
from pipeline.settings import Recipe

LEVELS = ("repair", "suggest")


@dataclass(frozen=True)
class Constant:
    """A constant of the judgement, and the values that it may take besides the shipped one.

    Attributes:
        level: whose figures choose it; others that it moves are not looked at.
        module: that holds it; None for the default recipe's chance.
    """

    level: str
    module: ModuleType | None
    name: str
    others: tuple[Any, ...]

    @property
    def title(self) -> str:
        """Its name with that of its module."""
        return f"{self.module.__name__.rpartition('.')[2]}.{self.name}" if self.module else self.name


CONSTANTS = (
    Constant("repair", None, "chance", (0.38, 0.52)),
    Constant("repair", wear, "WEIGHT", (1.5, 2.3)),
    Constant("repair", wear, "AREA", (0.01, 0.025)),
    Constant("repair", judge, "EXTENT", (0.25, 1.0)),
    Constant("repair", judge, "STEEP", (0.4, 0.7)),
    Constant("repair", judge, "SHOWN", (4, 16)),
    Constant("repair", tone_growth, "REACH", (0.9, 1.7)),
    Constant("repair", whole_lines, "ENOUGH", (0.3, 0.5)),
    Constant("repair", swarms, "SPREAD", (0.45, 0.7)),
    Constant("repair", rim, "DEVIATIONS", (2.0, 4.0)),
    Constant("suggest", suggestions, "ADDED", (-2.0, 0.0)),
    Constant("suggest", suggestions, "LOW", (0.02, 0.05)),
    Constant("suggest", suggestions, "FAINT", (12, 30)),
    Constant("suggest", suggestions, "DOUBTED", (6, 16)),
    Constant("suggest", marks, "GRAINS", (0.4, 1.0)),
)
#: Values that differ from the shipped ones, by the position of their constant in `CONSTANTS`.
Choice = dict[int, Any]
#: Pixels of each level as in `PixelCounts`, (6,).
Counts = dict[str, NDArray[np.float64]]


def leave_one_out(
    detector: LearnedDetector, scans: Iterable[LabelledScan], recipe: Recipe, wanted: dict[str, float]
) -> dict[str, Any]:
    """Return precision and recall of each level as shipped and with every scan left out, and how stable the choice is.

    Keys: `scans`; each level with `shipped` and `left_out`, both with precision and recall; `changed`, how often each
    constant was chosen otherwise than it is shipped.

    Args:
        detector: its network runs once on each scan.
        scans: with their labels.
        recipe: what is asked of the detector.
        wanted: precision of each level.
    """
    kept = [(scan, detector.probabilities(scan.pixels)) for scan in scans]
    known: dict[tuple[int, str], Counts] = {}

    def counts(number: int, setting: Choice) -> Counts:
        """Return the counts of a scan with some constants changed; most choices share most settings."""
        key = number, str(sorted(setting.items()))
        if key not in known:
            known[key] = _count(*kept[number], detector.thresholds, recipe, setting)
        return known[key]

    left_out, changed = [], dict.fromkeys((one.title for one in CONSTANTS), 0)
    for number in range(len(kept)):
        rest = [other for other in range(len(kept)) if other != number]

        def on_rest(setting: Choice, rest: list[int] = rest) -> list[Counts]:
            return [counts(other, setting) for other in rest]

        choice = _choose(on_rest, wanted)
        for index in choice:
            changed[CONSTANTS[index].title] += 1
        left_out.append(counts(number, choice))
    shipped = [counts(number, {}) for number in range(len(kept))]
    report: dict[str, Any] = {"scans": len(kept)}
    for level in LEVELS:
        pooled = {"shipped": shipped, "left_out": left_out}
        report[level] = {name: _ratios([one[level] for one in found]) for name, found in pooled.items()}
    return report | {"changed": changed}


def _choose(measure: Callable[[Choice], list[Counts]], wanted: dict[str, float]) -> Choice:
    """Return the values of constants that are not the shipped ones, each the best beside those chosen before it."""
    result: Choice = {}
    for index, constant in enumerate(CONSTANTS):
        level = constant.level
        candidates = [result, *(result | {index: value} for value in constant.others)]
        found = [_ratios([one[level] for one in measure(setting)]) for setting in candidates]
        ranks = []
        for ratios in found:
            enough = ratios["precision"] >= wanted[level]
            ranks.append((enough, ratios["recall" if enough else "precision"]))
        result = candidates[ranks.index(max(ranks))]
    return result


def _count(scan: LabelledScan, probability: Plane, thresholds: Thresholds, recipe: Recipe, setting: Choice) -> Counts:
    """Return the pixels of both levels on one scan, with rims, judged by some other constants."""
    with _set(setting, thresholds, recipe.precision) as limits:
        marked = MarkedScan(scan.pixels, probability)
        judged = judge.judge_marks(marked, limits, precision=recipe.precision, max_coverage=recipe.max_coverage)
        masks = rim.add_rims(judged.repair, judged.suggest | judged.repair, scan.pixels, recipe.dilate)
    result: Counts = {}
    for level, mask in zip(LEVELS, masks, strict=True):
        counts = PixelCounts()
        counts.add(mask, scan.truth, ~scan.ignored)
        result[level] = counts.sums
    return result


@contextmanager
def _set(setting: Choice, thresholds: Thresholds, precision: float) -> Iterator[Thresholds]:
    """Set constants while the context lasts; yield the thresholds, of which one may be changed."""
    before = []
    try:
        for index, value in setting.items():
            constant = CONSTANTS[index]
            if constant.module is None:
                asked = thresholds.of_precision(precision)
                repairs = tuple(replace(one, chance=value) if one is asked else one for one in thresholds.repairs)
                thresholds = replace(thresholds, repairs=repairs)
            else:
                before.append((constant.module, constant.name, getattr(constant.module, constant.name)))
                setattr(constant.module, constant.name, value)
        yield thresholds
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def _ratios(counts: Sequence[NDArray[np.float64]]) -> dict[str, float]:
    found = PixelCounts(np.sum(counts, axis=0)).ratios()
    return {key: float(found[key]) for key in ("precision", "recall")}
