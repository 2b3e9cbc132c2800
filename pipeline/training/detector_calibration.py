"""Thresholds of the learned detector that keep a promise on photographs it never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.levels import NEVER, SPECK, Thresholds, move
from pipeline.damage.piece_judge import AREA, SUREST, log_odds
from pipeline.training.detector_evidence import Evidence, PieceTable, piece_table
from pipeline.training.piece_judge_fit import can_be_fitted, cross_fitted, fit_judge

#: Chances that pieces are cut out at for a judge, and the fewest pixels of one.
CUTS, SMALLEST = (0.35, 0.5, 0.65), 4
#: The same where the surest pixel tells: what is falsely sure on undamaged photographs is mostly a few pixels.
PIXEL_CUTS, PIXEL_SMALLEST = (0.5, 0.65, 0.75, 0.8, 0.85, 0.9), (4, 16, 32)
#: Chances of a piece from which it may be repaired.
SURE = (*(round(0.5 + 0.02 * step, 3) for step in range(23)), 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)
#: Chances from which pixels are suggested, and what the surest pixel of a speck must reach.
SUGGESTED, SPECK_SURE = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5), 0.5
#: So much of recall is given for a threshold that asks less certainty.
NEARLY = 0.05
#: The promise about the worst picture leaves out one in a hundred: a single one would set the thresholds for all.
WORST = 0.99

#: The chance that pieces are cut out at, that from which they are repaired, and the threshold of wide pieces (by a
#: judge) or the fewest pixels of one (by the surest pixel).
Choice = tuple[float, float, float]


@dataclass(frozen=True)
class Promise:
    """What repairs must keep on held-out photographs.

    Attributes:
        precision: share of marked pixels that are damage, with 2 px tolerance. More than the .90 that is wanted: what
            another hand drew, and life, is told with less certainty than this project's own damage.
        wide: the same among the pixels of wide pieces, where a judge tells: a false one takes a bow, a sleeve, a face.
        clean: largest mean share of an undamaged picture's area.
        worst: share of the area that all but one in a hundred of them stay below.
        empty: share of undamaged pictures on which nothing is marked.
    """

    precision: float = 0.95
    wide: float = 0.97
    clean: float = 0.0005
    worst: float = 0.005
    empty: float = 0.80


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
            self.precision >= promise.precision
            and self.clean <= promise.clean
            and self.worst <= promise.worst
            and self.empty >= promise.empty
        )


def of_pieces(table: PieceTable, chosen: NDArray[np.bool_]) -> Figures:
    """Returns what repairing the chosen pieces (n) is worth."""
    damaged = chosen & ~table.undamaged[table.picture]
    _, counting, right, found = table.counts[damaged].sum(axis=0)
    marked = np.bincount(table.picture[chosen], table.counts[chosen, 0], minlength=len(table.areas)) / table.areas
    clean = marked[table.undamaged] if table.undamaged.any() else np.zeros(1)
    crowd = float(table.undamaged[table.picture[chosen]].sum()) / max(table.areas[table.undamaged].sum() / 1e6, 1e-9)
    return Figures(
        right / max(counting, 1), found / max(table.damaged, 1), float(clean.mean()), float(np.quantile(clean, WORST)),
        float((clean == 0).mean()), crowd,
    )  # fmt: skip


def calibrate(evidence: Sequence[Evidence], promise: Promise) -> tuple[Thresholds, str]:
    """Returns thresholds with nearly the most recall of those that keep the promise, and the figures as Markdown.

    Two ways of telling which pieces to repair compete: by their surest pixel, and by a judge over all of their pixels,
    for which wide pieces have a threshold of their own. The judge's figures are those of judges that saw nothing of the
    photograph in question; one that is returned is fitted to all of them. Suggestions get the pixel threshold with the
    best F1. Where nothing keeps the promise, repairs get the strictest choice by the surest pixel.
    """
    tables = {cut: piece_table(evidence, move(cut, 1.0), SMALLEST) for cut in sorted({*CUTS, *PIXEL_CUTS})}
    if not all(can_be_fitted(tables[cut]) for cut in CUTS):
        return Thresholds(SURE[-1], CUTS[-1]), "The network marks too little on held-out photographs to be calibrated."
    judged = {(cut, *key): worth for cut in CUTS for key, worth in judged_figures(tables[cut], promise).items()}
    plain = {(cut, *key): worth for cut in PIXEL_CUTS for key, worth in pixel_figures(tables[cut], cut).items()}
    pixel, by_pixel = _best(plain, promise)
    judge, by_judge = _best(judged, promise)
    loose = {cut: _suggested(piece_table(evidence, move(cut, 1.0), 1)) for cut in SUGGESTED}
    suggest = max(loose, key=lambda cut: loose[cut].f1)
    lines = [
        "| level | pixels from | piece from | wide piece, or fewest pixels | precision | recall | F1 | clean: mean "
        "| all but 1 % | empty | pieces a megapixel |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *([_row("repair, by the surest pixel", pixel, by_pixel)] if by_pixel else []),
        *([_row("repair, by a judge", judge, by_judge)] if by_judge else []),
        _row("**suggest**", (suggest,), loose[suggest]),
        *(_row("", key, plain[key]) for key in plain if key[0] == pixel[0] and key[2] == pixel[2]),
    ]
    limits = Thresholds(pixel[1], pixel[0], suggest, suggest, int(pixel[2]), suggest_speck=SPECK_SURE)
    if by_judge and (by_pixel is None or by_judge.recall > by_pixel.recall):
        fitted = fit_judge(tables[judge[0]], np.ones(len(tables[judge[0]].photo), np.bool_))
        limits = replace(
            limits, repair=judge[1], repair_grow=judge[0], smallest=SMALLEST, judge=fitted, repair_wide=judge[2]
        )
    return limits, "\n".join(lines)


def _best(tried: dict[Choice, Figures], promise: Promise) -> tuple[Choice, Figures | None]:
    """The choice that asks the least certainty of those that keep the promise with nearly the most recall.

    What another hand drew is told with less certainty than this project's own damage, by which these are chosen. The
    strictest and None where no choice keeps the promise.
    """
    good = {key: worth for key, worth in tried.items() if worth.keep(promise)}
    most = max((worth.recall for worth in good.values()), default=0.0)
    near = [key for key in good if good[key].recall >= most - NEARLY]
    best = min(near, key=lambda key: (key[1], -good[key].recall)) if near else max(tried, key=lambda key: key[1])
    return best, good.get(best)


def pixel_figures(table: PieceTable, cut: float) -> dict[tuple[float, float], Figures]:
    """Returns what repairing is worth by the surest pixel's chance, from `cut` on, and the fewest pixels of a piece."""
    return {
        (sure, smallest): of_pieces(table, _reach(table, sure) & (table.counts[:, 0] >= smallest))
        for sure in sorted({cut, *(sure for sure in SURE[::4] if sure > cut), SURE[-1]})
        for smallest in PIXEL_SMALLEST
    }


def _reach(table: PieceTable, sure: float) -> NDArray[np.bool_]:
    """Which pieces have a pixel of such a chance."""
    reached: NDArray[np.bool_] = table.figures[:, SUREST] >= log_odds(np.array([move(sure, 1.0)])) - 1e-9
    return reached


def judged_figures(table: PieceTable, promise: Promise) -> dict[tuple[float, float], Figures]:
    """Returns what repairing is worth by the chances of a judge, that of narrow pieces and that of wide ones.

    Only those that keep the promise about wide pieces.
    """
    chances = np.round(255 * cross_fitted(table))
    reached = {sure: chances >= move(sure, 1.0) for sure in (*SURE, NEVER)}
    alone = {sure: of_pieces(table, reached[sure] & table.wide).precision for sure in reached}
    return {
        (sure, wide): of_pieces(table, np.where(table.wide, reached[wide], reached[sure]))
        for sure, wide in combinations(reached, 2)
        if wide == NEVER or alone[wide] >= promise.wide
    }


def _suggested(table: PieceTable) -> Figures:
    """What suggesting the pieces is worth, without the specks that are not sure."""
    specks = table.figures[:, AREA] < np.log(SPECK)
    return of_pieces(table, ~specks | _reach(table, SPECK_SURE))


def _row(name: str, limits: tuple[float, ...], worth: Figures) -> str:
    told = " | ".join([*(f"{limit:g}" for limit in limits), *("" for _ in range(3 - len(limits)))])
    return (
        f"| {name} | {told} | {worth.precision:.3f} | {worth.recall:.3f} |"
        f" {worth.f1:.3f} | {worth.clean:.4%} | {worth.worst:.3%} | {worth.empty:.0%} | {worth.crowd:.0f} |"
    )
