"""Choose the learned detector's thresholds so that they keep promises on held-out photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.judge import judge_marks
from pipeline.detection.thresholds import RepairThreshold, Thresholds, adjust_threshold, limit_coverage
from pipeline.imaging.types import Mask
from pipeline.training.detector.evidence import ComponentTable, Evidence, component_table

#: Candidates for the probability that a repair's most certain pixel needs in a picture of the reference wear, and the
#: fewest pixels of a repair: confident false positives are mostly a few pixels.
CHANCES, SMALLEST = (0.26, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9), 16
#: Errors on labelled real scans for each error on held-out simulation at the same chance: of the latter, only the
#: promised share divided by this is allowed.
DOMAIN_GAP = 1.5
#: Candidates for the probability from which pixels are suggested, and the highest probability that a speck needs.
SUGGESTED, SPECK_SURE = (0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5), 0.5
#: Loss of F1 that is accepted for fewer suggestions: a person has to look at each.
F1_TOLERANCE = 0.01
#: The worst picture is taken as this quantile, since a single outlier would determine the thresholds.
WORST_QUANTILE = 0.99


@dataclass(frozen=True)
class Promise:
    """What repairs must achieve on held-out photographs.

    Attributes:
        precision: share of marked pixels that are damage, with 2 px tolerance, on real scans: see `DOMAIN_GAP`.
        clean: highest mean marked share of an undamaged picture's area.
        worst: marked share that all but one in a hundred of them stay below.
        empty: lowest share of undamaged pictures without any mark.
    """

    precision: float = 0.95
    clean: float = 0.0005
    worst: float = 0.005
    empty: float = 0.80


#: What a recipe may ask for; values in between get the next stricter promise. Less precision means more false positives
#: on undamaged pictures, too.
PROMISES = (
    Promise(0.9, clean=0.001, worst=0.02, empty=0.8),
    Promise(0.95, clean=0.0002, worst=0.005, empty=0.85),
    Promise(0.98, clean=0.0001, worst=0.001, empty=0.9),
)


@dataclass(frozen=True)
class Figures:
    """Measured figures of thresholds; shares 0..1, named as in `Promise`. Recall is without tolerance.

    `crowd` is the number of marked components per megapixel of undamaged photographs.
    """

    precision: float
    recall: float
    clean: float
    worst: float
    empty: float
    crowd: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)

    def keep(self, promise: Promise) -> bool:
        """Return whether they keep the promise."""
        return (
            1 - self.precision <= (1 - promise.precision) / DOMAIN_GAP
            and self.clean <= promise.clean
            and self.worst <= promise.worst
            and self.empty >= promise.empty
        )


def measure(table: ComponentTable, chosen: NDArray[np.bool_]) -> Figures:
    """Return the figures of repairing the chosen components (n)."""
    damaged = chosen & ~table.undamaged[table.picture]
    _, counting, right, found = table.counts[damaged].sum(axis=0)
    marked = np.bincount(table.picture[chosen], table.counts[chosen, 0], minlength=len(table.areas)) / table.areas
    clean = marked[table.undamaged] if table.undamaged.any() else np.zeros(1)
    crowd = float(table.undamaged[table.picture[chosen]].sum()) / max(table.areas[table.undamaged].sum() / 1e6, 1e-9)
    return Figures(
        precision=right / max(counting, 1),
        recall=found / max(table.damaged, 1),
        clean=float(clean.mean()),
        worst=float(np.quantile(clean, WORST_QUANTILE)),
        empty=float((clean == 0).mean()),
        crowd=crowd,
    )


def calibrate(evidence: Sequence[Evidence], promises: Sequence[Promise]) -> tuple[Thresholds, str]:
    """Return the thresholds with the highest recall that keep each promise, and their figures as Markdown.

    Suggestions get the highest pixel threshold with nearly the best F1. Where no choice keeps a promise, repairs get
    the strictest one.

    Args:
        evidence: of held-out photographs.
        promises: in ascending order of precision.
    """
    repaired = {chance: repair_figures(evidence, chance) for chance in CHANCES}
    suggested: dict[float, Figures] = {}
    for cut in SUGGESTED:
        # One table at a time: low thresholds give many components.
        table = component_table(evidence, partial(_above, cut=adjust_threshold(cut, 1.0)))
        suggested[cut] = measure(table, ~table.specks | (table.max_probability >= adjust_threshold(SPECK_SURE, 1.0)))
    best = {promise.precision: _best(repaired, promise) for promise in promises}
    repairs = tuple(RepairThreshold(kept, chance or CHANCES[-1], SMALLEST) for kept, chance in best.items())
    most = max(figures.f1 for figures in suggested.values())
    # Compared as rounded in the table, so that rounding of the weights to half precision does not decide.
    suggest = max(cut for cut, figures in suggested.items() if round(most - figures.f1, 3) <= F1_TOLERANCE)
    if not suggested[suggest].recall:
        return Thresholds(repairs), "The network marks too little on held-out photographs to be calibrated."
    lines = [
        "| level | pixels from | precision | recall | F1 | clean: mean | all but 1 % | empty "
        "| components per megapixel |",
        "|---" * 9 + "|",
        *(_row(f"**repair**, {kept:g}", found, repaired[found]) for kept, found in best.items() if found),
        *(_row("repair", chance, repaired[chance]) for chance in CHANCES if chance not in best.values()),
        _row("**suggest**", suggest, suggested[suggest]),
        *(_row("suggest", cut, figures) for cut, figures in suggested.items() if cut != suggest),
    ]
    return Thresholds(repairs, suggest, SPECK_SURE), "\n".join(lines)


def _best(tried: dict[float, Figures], promise: Promise) -> float | None:
    """Return the chance with the highest recall that keeps the promise; None where none does."""
    good = {chance: figures.recall for chance, figures in tried.items() if figures.keep(promise)}
    return max(good, key=lambda chance: good[chance], default=None)


def repair_figures(evidence: Sequence[Evidence], chance: float) -> Figures:
    """Return the figures of repairing what a chance lets through."""
    thresholds = Thresholds((RepairThreshold(1.0, chance, SMALLEST),))
    table = component_table(evidence, lambda one: judge_marks(one.scan, thresholds).repair)
    return measure(table, np.ones(len(table.counts), np.bool_))


def _above(one: Evidence, cut: int) -> Mask:
    """Return (H,W), 255 where a picture's probabilities reach a cut, as high as its coverage asks."""
    cut = limit_coverage(one.probability, cut)
    return np.where(one.probability >= cut, np.uint8(255), np.uint8(0))


def _row(name: str, limit: float, figures: Figures) -> str:
    return (
        f"| {name} | {limit:g} | {figures.precision:.3f} | {figures.recall:.3f} |"
        f" {figures.f1:.3f} | {figures.clean:.4%} | {figures.worst:.3%} | {figures.empty:.0%} | {figures.crowd:.0f} |"
    )
