"""A detector's probabilities on held-out photographs, and its components with their correctness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.marks import MarkedScan
from pipeline.detection.thresholds import Probabilities, find_specks
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask, Picture
from pipeline.metrics.tolerance import tolerated
from pipeline.simulation import ArtefactBank
from pipeline.training.common.photos import PhotoSet
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE, make_sample

#: Amount of damage compared with training: the rarer damage is, the lower the precision of the same marks.
WORN = 0.5


@dataclass(frozen=True)
class Evidence:
    """A picture (H,W,3) uint8, a detector's probabilities (H,W) uint8 on it, and its labels (H,W) uint8.

    Labels as in `pipeline.training.detector.data`.
    """

    picture: Picture
    probability: Probabilities
    labels: NDArray[np.uint8]

    @cached_property
    def scan(self) -> MarkedScan:
        """The planes on which its marks are judged."""
        return MarkedScan(self.picture, self.probability)

    @property
    def undamaged(self) -> bool:
        """Whether no damage was drawn on the picture."""
        return bool((self.labels == INTACT).all())

    def truth(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the damage 0/1, where marks are correct (2 px tolerance), and where marks count at all; all (H,W)."""
        damaged = (self.labels == DAMAGED).astype(np.uint8)
        near = tolerated(damaged) > 0
        return damaged, near, near | (self.labels != UNSURE)


def gather(
    predict: Callable[[NDArray[np.uint8]], Probabilities], photos: PhotoSet, artefacts: Path | None, *, rounds: int = 2
) -> Iterator[Evidence]:
    """Yield a detector's probabilities on held-out photographs: each unchanged, and `rounds` times aged and damaged.

    They get no distractors: with those in every second picture, as in training, the figures would not be those of
    photographs.

    Args:
        predict: returns a detector's probabilities (H,W) for a picture (H,W,3).
        photos: held out of training.
        artefacts: folder of scanned artefacts. Those of training are used, since the others are kept for measuring;
            false positives are in the photographs, which are new to the detector.
        rounds: damaged copies of each photograph.
    """
    bank = ArtefactBank.load(artefacts) if artefacts else None
    for index, picture in enumerate(photos.pictures):
        yield Evidence(picture, predict(picture), np.full(picture.shape[:2], INTACT, np.uint8))
        for turn in range(rounds):
            sample = make_sample(
                picture, np.random.default_rng((2026, index, turn)), bank, undamaged=0.2, distracted=0.0, worn=WORN
            )
            yield Evidence(sample.picture, predict(sample.picture), sample.labels)


@dataclass(frozen=True)
class ComponentTable:
    """The n components that are marked on all m pictures of some evidence.

    Attributes:
        counts: (n,4) pixels of each: all, those that count, those that are correct, those that are damage.
        max_probability: (n) highest probability in each, in 1/255.
        specks: (n) which are specks, see `pipeline.detection.thresholds`.
        picture: (n) index of the picture.
        damaged: pixels of damage on all pictures.
        areas: (m) pixels of each picture.
        undamaged: (m) which pictures have no damage.
    """

    counts: NDArray[np.float64]
    max_probability: NDArray[np.uint8]
    specks: NDArray[np.bool_]
    picture: NDArray[np.int64]
    damaged: float
    areas: NDArray[np.float64]
    undamaged: NDArray[np.bool_]


def component_table(evidence: Sequence[Evidence], mark: Callable[[Evidence], Mask]) -> ComponentTable:
    """Return the components of all pictures.

    Args:
        evidence: the pictures.
        mark: returns what is marked on one (H,W), not 0.
    """
    counts, max_probability = [np.zeros((0, 4))], [np.zeros(0, np.uint8)]
    specks, picture, damaged = [np.zeros(0, np.bool_)], [np.zeros(0, np.int64)], 0.0
    for index, one in enumerate(evidence):
        truth, near, counting = one.truth()
        damaged += float(truth.sum())
        components = connected_components(mark(one))
        sums = [components.sums(where) for where in (counting, near & counting, truth > 0)]
        counts.append(np.stack([components.areas, *sums], axis=1).astype(np.float64))
        max_probability.append(components.maxima(one.probability))
        specks.append(find_specks(components, one.probability))
        picture.append(np.full(len(components), index, np.int64))
    return ComponentTable(
        np.concatenate(counts),
        np.concatenate(max_probability),
        np.concatenate(specks),
        np.concatenate(picture),
        damaged,
        np.array([float(one.labels.size) for one in evidence]),
        np.array([one.undamaged for one in evidence], np.bool_),
    )
