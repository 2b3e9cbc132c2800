"""Thresholds of the learned detector that keep a promise on photographs it never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.thresholds import RepairThreshold, Thresholds, adjust_threshold, limit_coverage
from pipeline.training.detector.evidence import ComponentTable, Evidence, component_table

#: Chances that pieces are cut out at, and fewest pixels of one: what is falsely sure on undamaged photographs is mostly
#: a few pixels. More than these would leave out much that is seen of another hand's damage.
CUTS, SMALLEST = tuple(step / 40 for step in range(14, 39)), (16, 32)
#: Errors on what another hand drew, and on life, for each on this project's own damage. What is promised is asked of
#: the latter with so much fewer.
OTHERS = 2.0
#: Chances from which pixels are suggested, and what the surest pixel of a speck must reach.
SUGGESTED, SPECK_SURE = (0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5), 0.5
#: So much of F1 is given for fewer suggestions: each costs a look.
LITTLE = 0.01
#: The promise about the worst picture leaves out one in a hundred: a single one would set the thresholds for all.
WORST = 0.99

#: The chance that pieces are cut out at, and the fewest pixels of one that is repaired.
Choice = tuple[float, int]
STRICTEST: Choice = (CUTS[-1], SMALLEST[-1])


@dataclass(frozen=True)
class Promise:
    """What repairs must keep on held-out photographs.

    Attributes:
        precision: share of marked pixels that are damage, with 2 px tolerance, wherever it comes from: see `OTHERS`.
        clean: largest mean share of an undamaged picture's area.
        worst: share of the area that all but one in a hundred of them stay below.
        empty: share of undamaged pictures on which nothing is marked.
    """

    precision: float = 0.95
    clean: float = 0.0005
    worst: float = 0.005
    empty: float = 0.80


#: What a recipe may ask for; one that asks for something between gets the next stricter. Whoever asks for less
#: precision takes more false marks on undamaged pictures too.
PROMISES = (
    Promise(0.9, clean=0.001, worst=0.02, empty=0.8),
    Promise(0.95, clean=0.0002, worst=0.005, empty=0.85),
    Promise(0.98, clean=0.0001, worst=0.001, empty=0.9),
)


@dataclass(frozen=True)
class Figures:
    """What thresholds are worth; shares of 0..1, named as in `Promise`. Recall is without tolerance.

    `crowd` is how many pieces are marked on a megapixel of undamaged photographs.
    """

    precision: float
    recall: float
    clean: float
    worst: float
    empty: float
    crowd: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)

    def keep(self, promise: Promise) -> bool:
        """Whether they keep the promise."""
        return (
            1 - self.precision <= (1 - promise.precision) / OTHERS
            and self.clean <= promise.clean
            and self.worst <= promise.worst
            and self.empty >= promise.empty
        )


def measure(table: ComponentTable, chosen: NDArray[np.bool_]) -> Figures:
    """Return what repairing the chosen pieces (n) is worth."""
    damaged = chosen & ~table.undamaged[table.picture]
    _, counting, right, found = table.counts[damaged].sum(axis=0)
    marked = np.bincount(table.picture[chosen], table.counts[chosen, 0], minlength=len(table.areas)) / table.areas
    clean = marked[table.undamaged] if table.undamaged.any() else np.zeros(1)
    crowd = float(table.undamaged[table.picture[chosen]].sum()) / max(table.areas[table.undamaged].sum() / 1e6, 1e-9)
    return Figures(
        right / max(counting, 1), found / max(table.damaged, 1), float(clean.mean()), float(np.quantile(clean, WORST)),
        float((clean == 0).mean()), crowd,
    )  # fmt: skip


def calibrate(evidence: Sequence[Evidence], promises: Sequence[Promise]) -> tuple[Thresholds, str]:
    """Return thresholds with the most recall of those that keep each promise, and the figures as Markdown.

    Suggestions get the highest pixel threshold with nearly the best F1. Where nothing keeps a promise, repairs get the
    strictest choice.

    Args:
        evidence: of held-out photographs.
        promises: with rising precision.
    """
    repaired: dict[Choice, Figures] = {}
    suggested: dict[float, Figures] = {}
    for cut in CUTS:
        # One table at a time: where pixels are doubtful, there are many pieces.
        repaired |= repair_choices(evidence, cut)
    for cut in SUGGESTED:
        table = component_table(evidence, partial(limit_coverage, cut=adjust_threshold(cut, 1.0)))
        suggested[cut] = measure(table, ~table.specks | (table.surest >= adjust_threshold(SPECK_SURE, 1.0)))
    best = {promise.precision: _best(repaired, promise) for promise in promises}
    repairs = tuple(RepairThreshold(precision, *(choice or STRICTEST)) for precision, choice in best.items())
    most = max(worth.f1 for worth in suggested.values())
    # At the digits that are told: rounding of the weights to half precision shall not decide.
    suggest = max(cut for cut, worth in suggested.items() if round(most - worth.f1, 3) <= LITTLE)
    if not suggested[suggest].recall:
        return Thresholds(repairs), "The network marks too little on held-out photographs to be calibrated."
    lines = [
        "| level | pixels from | fewest pixels | precision | recall | F1 | clean: mean | all but 1 % | empty "
        "| pieces a megapixel |",
        "|---" * 10 + "|",
        *(_row(f"**repair**, {kept:g}", found, repaired[found]) for kept, found in best.items() if found),
        _row("**suggest**", (suggest,), suggested[suggest]),
        *(_row("suggest", (cut,), worth) for cut, worth in suggested.items() if cut != suggest),
    ]
    return Thresholds(repairs, suggest, SPECK_SURE), "\n".join(lines)


def _best(tried: dict[Choice, Figures], promise: Promise) -> Choice | None:
    """The choice with the most recall of those that keep the promise; None where none does."""
    good = {key: worth.recall for key, worth in tried.items() if worth.keep(promise)}
    return max(good, key=lambda key: good[key], default=None)


def repair_choices(evidence: Sequence[Evidence], cut: float) -> dict[Choice, Figures]:
    """Return what repairing pieces cut out at `cut` is worth, by their fewest pixels."""
    table = component_table(evidence, lambda _: adjust_threshold(cut, 1.0))
    return {(cut, smallest): measure(table, table.counts[:, 0] >= smallest) for smallest in SMALLEST}


def _row(name: str, limits: tuple[float, ...], worth: Figures) -> str:
    told = " | ".join([*(f"{limit:g}" for limit in limits), *("" for _ in range(2 - len(limits)))])
    return (
        f"| {name} | {told} | {worth.precision:.3f} | {worth.recall:.3f} |"
        f" {worth.f1:.3f} | {worth.clean:.4%} | {worth.worst:.3%} | {worth.empty:.0%} | {worth.crowd:.0f} |"
    )
