"""What a detector says to photographs that it never trained on, and what becomes of it piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.damage.connected import connected
from pipeline.damage.levels import WIDE, Chances
from pipeline.damage.piece_judge import FIGURES, WIDTH, piece_figures
from pipeline.damage.simulation import ArtefactBank
from pipeline.metrics.tolerance import tolerated
from pipeline.training.detector_data import DAMAGED, INTACT, UNSURE, make_sample
from pipeline.training.photos import PhotoSet


@dataclass(frozen=True)
class Evidence:
    """Chances (H,W) uint8 on one picture and its labels (H,W) uint8, see `detector_data`; `photo` tells whose it is."""

    chance: Chances
    labels: NDArray[np.uint8]
    photo: int = 0

    @property
    def undamaged(self) -> bool:
        """Whether nothing was drawn on the picture."""
        return bool((self.labels == INTACT).all())

    def truth(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """Returns the damage 0/1, where a mark is right (2 px tolerance), and where a mark counts at all."""
        damaged = (self.labels == DAMAGED).astype(np.uint8)
        near = tolerated(damaged) > 0
        return damaged, near, near | (self.labels != UNSURE)


def gather(
    chances: Callable[[NDArray[np.uint8]], Chances], photos: PhotoSet, artefacts: Path | None, *, rounds: int = 2
) -> Iterator[Evidence]:
    """Yields what a detector says to held-out photographs: each as it is, and `rounds` times aged and damaged.

    Nothing is drawn into them that only looks like damage, as in training: that would tell how often it is mistaken
    where every second picture has a drawn fence or a line of type, and not on photographs.

    Args:
        chances: a detector's chances for a picture (H,W,3).
        photos: held out of training.
        artefacts: folder of scanned artefacts; those that training used, since the rest is kept for measuring. What
            is falsely marked is in the photographs, and those are new to the detector.
        rounds: damaged copies of each.
    """
    bank = ArtefactBank.load(artefacts) if artefacts else None
    for index, picture in enumerate(photos.pictures):
        yield Evidence(chances(picture), np.full(picture.shape[:2], INTACT, np.uint8), index)
        for turn in range(rounds):
            sample = make_sample(
                picture, np.random.default_rng((2026, index, turn)), bank, undamaged=0.2, distracted=0.0
            )
            yield Evidence(chances(sample.picture), sample.labels, index)


@dataclass(frozen=True)
class PieceTable:
    """The pieces above one chance on all pictures of some evidence, n in all.

    Attributes:
        figures: (n,6), see `piece_judge`.
        counts: (n,4) pixels of each: all, those that count, those that are right, those that are damage.
        picture, photo: (n) which picture of the evidence, and whose photograph.
        damaged: pixels of damage in all.
        areas: (m) pixels of each picture.
        undamaged: (m) which pictures have no damage.
    """

    figures: NDArray[np.float64]
    counts: NDArray[np.float64]
    picture: NDArray[np.int64]
    photo: NDArray[np.int64]
    damaged: float
    areas: NDArray[np.float64]
    undamaged: NDArray[np.bool_]

    @property
    def wide(self) -> NDArray[np.bool_]:
        """Which pieces (n) are wide, see `levels.WIDE`."""
        result: NDArray[np.bool_] = self.figures[:, WIDTH] > np.log(WIDE)
        return result


def piece_table(evidence: Sequence[Evidence], cut: int, smallest: int) -> PieceTable:
    """Returns the pieces from a chance of `cut`/255 on, of at least `smallest` pixels."""
    figures: list[NDArray[np.float64]] = [np.zeros((0, FIGURES))]
    counts: list[NDArray[np.float64]] = [np.zeros((0, 4))]
    picture, photo, damaged = list[int](), list[int](), 0.0
    for index, one in enumerate(evidence):
        truth, near, counting = one.truth()
        damaged += float(truth.sum())
        pieces = connected(one.chance, cut)
        if not len(pieces):
            continue
        sums = [pieces.total(where) for where in (counting, near & counting, truth > 0)]
        table = np.stack([pieces.areas, *sums], axis=1).astype(np.float64)
        shown = piece_figures(one.chance, pieces)
        eligible = table[:, 0] >= smallest
        figures.append(shown[eligible])
        counts.append(table[eligible])
        picture += [index] * int(eligible.sum())
        photo += [one.photo] * int(eligible.sum())
    return PieceTable(
        np.concatenate(figures),
        np.concatenate(counts),
        np.array(picture, np.int64),
        np.array(photo, np.int64),
        damaged,
        np.array([float(one.labels.size) for one in evidence]),
        np.array([one.undamaged for one in evidence], np.bool_),
    )
