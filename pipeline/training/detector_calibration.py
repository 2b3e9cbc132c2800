"""Thresholds of the learned detector that keep a promise on photographs it never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.levels import NEVER, Thresholds, move
from pipeline.damage.piece_judge import PieceJudge
from pipeline.training.detector_evidence import Evidence, PieceTable, piece_table
from pipeline.training.piece_judge_fit import can_be_fitted, cross_fitted, fit_judge

#: Chances that pieces to repair are cut out at, and the fewest pixels of one.
CUTS, SMALLEST = (0.35, 0.5, 0.65), 4
#: Chances of a piece from which it may be repaired.
SURE = (*(round(0.5 + 0.02 * step, 3) for step in range(23)), 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)
#: Chances that pieces to suggest are cut out at, and of a piece from which it may be suggested.
SUGGEST_CUTS, SUGGESTED = (0.15, 0.2, 0.25), (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
#: So much of F1 is given for suggestions that show a reviewer fewer pieces of undamaged photographs.
GIVEN = 0.005


#: The promise about the worst picture leaves out one in a hundred: a single one would set the thresholds for all.
WORST = 0.99


@dataclass(frozen=True)
class Promise:
    """What repairs must keep on held-out photographs.

    Attributes:
        precision: share of marked pixels that are damage, with 2 px tolerance.
        wide: the same among the pixels of wide pieces: a false one takes a bow, a sleeve, a face.
        clean: largest mean share of an undamaged picture's area.
        worst: share of the area that all but one in a hundred of them stay below.
        empty: share of undamaged pictures on which nothing is marked.
    """

    precision: float = 0.90
    wide: float = 0.90
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
    """Returns the thresholds with the most recall of those that keep the promise, and the figures as Markdown.

    Both levels are judged piece by piece, and wide pieces to repair have a threshold of their own; the figures are
    those of judges that saw nothing of the photograph in question, the judges that are returned are fitted to all of
    them. Suggestions get the thresholds with the best F1, or nearly so with fewer pieces on undamaged photographs.
    Where nothing keeps the promise, repairs get the strictest choice; where the network marks nothing, as after a
    short training, there is no judge either.
    """
    tables = {cut: piece_table(evidence, move(cut, 1.0), SMALLEST) for cut in CUTS}
    if not all(can_be_fitted(table) for table in tables.values()):
        return Thresholds(SURE[-1], CUTS[-1]), "The network marks too little on held-out photographs to be calibrated."
    tried: dict[tuple[float, float, float], tuple[Figures, Figures]] = {}
    for cut, table in tables.items():
        chances = np.round(255 * cross_fitted(table))
        reached = {sure: chances >= move(sure, 1.0) for sure in (*SURE, NEVER)}
        alone = {sure: of_pieces(table, reached[sure] & table.wide) for sure in reached}
        for sure, wide in combinations(reached, 2):
            chosen = np.where(table.wide, reached[wide], reached[sure])
            tried[cut, sure, wide] = of_pieces(table, chosen), alone[wide]
    good = {
        key: value
        for key, (value, wide) in tried.items()
        if value.keep(promise) and (key[2] == NEVER or wide.precision >= promise.wide)
    }
    repair = max(good, key=lambda key: good[key].recall) if good else (CUTS[-1], SURE[-1], NEVER)
    table = tables[repair[0]]
    judge = _judge_of(table)
    shown = {cut: piece_table(evidence, move(cut, 1.0), 1) for cut in SUGGEST_CUTS}
    loose = {
        (cut, sure): of_pieces(table, chances >= move(sure, 1.0))
        for cut, table in shown.items()
        for chances in [np.round(255 * cross_fitted(table))]
        for sure in SUGGESTED
    }
    best = max(figures.f1 for figures in loose.values())
    suggest = min((key for key in loose if loose[key].f1 >= best - GIVEN), key=lambda key: loose[key].crowd)
    lines = [
        "| level | pixels from | piece's chance from | wide piece's | precision | recall | F1 | clean: mean "
        "| all but 1 % | empty | pieces a megapixel |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        _row("**repair**", repair, tried[repair][0]),
        _row("of it, wide pieces", (repair[0], repair[2], repair[2]), tried[repair][1]),
        _row("**suggest**", suggest, loose[suggest]),
    ]
    lines += [_row("", (repair[0], sure, NEVER), tried[repair[0], sure, NEVER][0]) for sure in SURE[::4]]
    limits = Thresholds(
        repair[1], repair[0], suggest[1], suggest[0], SMALLEST, judge, repair[2], _judge_of(shown[suggest[0]])
    )
    return limits, "\n".join(lines)


def _judge_of(table: PieceTable) -> PieceJudge:
    """The judge that is fitted to all pieces."""
    return fit_judge(table, np.ones(len(table.photo), np.bool_))


def _row(name: str, limits: tuple[float, ...], worth: Figures) -> str:
    told = " | ".join([*(f"{limit:g}" for limit in limits), *("" for _ in range(3 - len(limits)))])
    return (
        f"| {name} | {told} | {worth.precision:.3f} | {worth.recall:.3f} |"
        f" {worth.f1:.3f} | {worth.clean:.4%} | {worth.worst:.3%} | {worth.empty:.0%} | {worth.crowd:.0f} |"
    )
