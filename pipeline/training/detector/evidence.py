"""What a detector says to photographs that it never trained on, and what becomes of it piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.thresholds import Probabilities, find_specks
from pipeline.imaging.connected_components import connected_components
from pipeline.metrics.tolerance import tolerated
from pipeline.simulation import ArtefactBank
from pipeline.training.common.photos import PhotoSet
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE, make_sample

#: How much damage there is, against training: a mark is rightly doubted the more, the rarer damage is.
WORN = 0.5


@dataclass(frozen=True)
class Evidence:
    """Chances (H,W) uint8 on one picture and its labels (H,W) uint8, see `detector_data`."""

    chance: Probabilities
    labels: NDArray[np.uint8]

    @property
    def undamaged(self) -> bool:
        """Whether nothing was drawn on the picture."""
        return bool((self.labels == INTACT).all())

    def truth(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the damage 0/1, where a mark is right (2 px tolerance), and where a mark counts at all."""
        damaged = (self.labels == DAMAGED).astype(np.uint8)
        near = tolerated(damaged) > 0
        return damaged, near, near | (self.labels != UNSURE)


def gather(
    chances: Callable[[NDArray[np.uint8]], Probabilities], photos: PhotoSet, artefacts: Path | None, *, rounds: int = 2
) -> Iterator[Evidence]:
    """Yield what a detector says to held-out photographs: each as it is, and `rounds` times aged and damaged.

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
        yield Evidence(chances(picture), np.full(picture.shape[:2], INTACT, np.uint8))
        for turn in range(rounds):
            sample = make_sample(
                picture, np.random.default_rng((2026, index, turn)), bank, undamaged=0.2, distracted=0.0, worn=WORN
            )
            yield Evidence(chances(sample.picture), sample.labels)


@dataclass(frozen=True)
class ComponentTable:
    """The pieces above one chance on all pictures of some evidence, n in all.

    Attributes:
        counts: (n,4) pixels of each: all, those that count, those that are right, those that are damage.
        surest: (n) chance of the surest pixel of each, in 1/255.
        specks: (n) which are specks on their picture, see `levels.SPECK`.
        picture: (n) which picture of the evidence.
        damaged: pixels of damage in all.
        areas: (m) pixels of each picture.
        undamaged: (m) which pictures have no damage.
    """

    counts: NDArray[np.float64]
    surest: NDArray[np.uint8]
    specks: NDArray[np.bool_]
    picture: NDArray[np.int64]
    damaged: float
    areas: NDArray[np.float64]
    undamaged: NDArray[np.bool_]


def component_table(evidence: Sequence[Evidence], cut: Callable[[Probabilities], int]) -> ComponentTable:
    """Return the pieces of all pictures.

    Args:
        evidence: the pictures.
        cut: the chance from which pixels of a picture count, in 1/255, by its chances (H,W).
    """
    counts, surest = [np.zeros((0, 4))], [np.zeros(0, np.uint8)]
    specks, picture, damaged = [np.zeros(0, np.bool_)], [np.zeros(0, np.int64)], 0.0
    for index, one in enumerate(evidence):
        truth, near, counting = one.truth()
        damaged += float(truth.sum())
        pieces = connected_components(one.chance, cut(one.chance))
        sums = [pieces.sums(where) for where in (counting, near & counting, truth > 0)]
        counts.append(np.stack([pieces.areas, *sums], axis=1).astype(np.float64))
        surest.append(pieces.maxima(one.chance))
        specks.append(find_specks(pieces, one.chance))
        picture.append(np.full(len(pieces), index, np.int64))
    return ComponentTable(
        np.concatenate(counts),
        np.concatenate(surest),
        np.concatenate(specks),
        np.concatenate(picture),
        damaged,
        np.array([float(one.labels.size) for one in evidence]),
        np.array([one.undamaged for one in evidence], np.bool_),
    )
