"""Thresholds of the learned detector that keep a promise on photographs it never trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.levels import Chances, Thresholds, move, pieces_above
from pipeline.damage.simulation import ArtefactBank
from pipeline.training.detector_data import DAMAGED, INTACT, UNSURE, make_sample
from pipeline.training.photos import PhotoSet

NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))

#: What is tried: chances of a seed, how many times smaller the odds of its surroundings may be, smallest pieces.
SEEDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.994)
GROWTHS = (1.0, 4.0)
SMALLEST = (1, 6)


@dataclass(frozen=True)
class Promise:
    """What repairs must keep on held-out photographs.

    Attributes:
        precision: share of marked pixels that are damage, with 2 px tolerance.
        clean: largest mean share of an undamaged photograph's area.
        worst: largest share on any of them.
        empty: share of undamaged photographs on which nothing is marked.
    """

    precision: float = 0.95
    clean: float = 0.0003
    worst: float = 0.005
    empty: float = 0.85


@dataclass(frozen=True)
class Evidence:
    """Chances (H,W) uint8 on one picture and its labels (H,W) uint8, see `detector_data`."""

    chance: Chances
    labels: NDArray[np.uint8]


def gather(
    chances: Callable[[NDArray[np.uint8]], Chances], photos: PhotoSet, artefacts: Path | None, *, rounds: int = 2
) -> Iterator[Evidence]:
    """Yields what a detector says to held-out photographs: each as it is, and `rounds` times aged and damaged.

    Args:
        chances: a detector's chances for a picture (H,W,3).
        photos: held out of training.
        artefacts: folder of scanned artefacts; those that training used, since the rest is kept for measuring. What
            is falsely marked is in the photographs, and those are new to the detector.
    """
    bank = ArtefactBank.load(artefacts) if artefacts else None
    for index, picture in enumerate(photos.pictures):
        yield Evidence(chances(picture), np.full(picture.shape[:2], INTACT, np.uint8))
        for turn in range(rounds):
            sample = make_sample(picture, np.random.default_rng((2026, index, turn)), bank, undamaged=0.2)
            yield Evidence(chances(sample.picture), sample.labels)


@dataclass(frozen=True)
class Figures:
    """What thresholds are worth; shares of 0..1."""

    precision: float
    recall: float
    clean: float
    worst: float
    empty: float

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


def figures(evidence: Sequence[Evidence], seed: float, growth: float, smallest: int) -> Figures:
    """Returns what one choice of thresholds is worth."""
    right = marked = found = damaged = 0.0
    shares: list[float] = []
    for one in evidence:
        mask = pieces_above(one.chance, move(seed, 1.0), move(seed, growth), smallest) > 0
        truth = (one.labels == DAMAGED).astype(np.uint8)
        if not truth.any():
            if (one.labels == INTACT).all():
                shares.append(float(mask.mean()))
            continue
        near = cv2.dilate(truth, NEAR) > 0
        counted = mask & (near | (one.labels != UNSURE))
        right += float((counted & near).sum())
        marked += float(counted.sum())
        found += float((truth.astype(bool) & (cv2.dilate(mask.astype(np.uint8), NEAR) > 0)).sum())
        damaged += float(truth.sum())
    area = np.array(shares or [0.0])
    return Figures(
        right / max(marked, 1),
        found / max(damaged, 1),
        float(area.mean()),
        float(area.max()),
        float((area == 0).mean()),
    )


def calibrate(evidence: Sequence[Evidence], promise: Promise) -> tuple[Thresholds, str]:
    """Returns the thresholds with the most recall of those that keep the promise, and the figures as Markdown.

    Suggestions get the thresholds with the best F1. Where none keeps the promise, repairs get the strictest tried.
    """
    tried = {
        (seed, growth, smallest): figures(evidence, seed, growth, smallest)
        for seed in SEEDS
        for growth in GROWTHS
        for smallest in SMALLEST
    }
    good = {key: value for key, value in tried.items() if value.keep(promise)}
    repair = max(good, key=lambda key: good[key].recall) if good else (SEEDS[-1], 1.0, SMALLEST[-1])
    loose = [key for key in tried if key[2] == 1 and key[0] <= repair[0]]
    suggest = max(loose, key=lambda key: tried[key].f1)
    lines = [
        "| | seed | grown to | smallest | precision | recall | F1 | undamaged: mean | worst | empty |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    shown = [("repair", repair), ("suggest", suggest)] + [("", (seed, repair[1], repair[2])) for seed in SEEDS]
    lines += [f"| {name} {_row(key, tried[key])}" for name, key in shown]
    limits = Thresholds(repair[0], _at(repair), suggest[0], _at(suggest), repair[2])
    return limits, "\n".join(lines)


def _row(key: tuple[float, float, int], worth: Figures) -> str:
    return (
        f"| {key[0]:g} | {_at(key):.3f} | {key[2]} | {worth.precision:.3f} | {worth.recall:.3f} | {worth.f1:.3f} |"
        f" {worth.clean:.4%} | {worth.worst:.3%} | {worth.empty:.0%} |"
    )


def _at(key: tuple[float, float, int]) -> float:
    """The chance that pieces grow to."""
    odds = key[0] / (1 - key[0]) / key[1]
    return round(odds / (1 + odds), 4)
