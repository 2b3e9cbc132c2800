"""Crops for distillation: false positives, simulated damage, and old photographs without labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.imaging.types import Picture
from pipeline.simulation import ArtefactBank
from pipeline.training.detector.data import INTACT, UNSURE, Crops, Sample, augment, make_sample
from pipeline.training.detector.false_positives import FalsePositives

#: Shares of the pictures that are old photographs, unchanged and with drawn damage. None of their pixels is labelled
#: intact, since they have real dust.
OLD_UNCHANGED, OLD_DAMAGED = 0.2, 0.1
#: Shares of the others that are photographs with false positives, and that are undamaged.
FALSE_POSITIVE_SHARE, UNDAMAGED = 0.65, 0.5
#: Share with distractors; ranges of the amount of damage and of its variety, see `make_sample`.
DISTRACTED, WORN, VARIETIES = 0.3, (0.5, 1.2), (0.4, 1.0)
#: Share of the crops that are cut around false positives.
MARKED = 0.2
#: Range of the scale of old photographs.
SCALES = (0.7, 1.5)


class DistillationCrops(Crops):
    """An endless stream of (planes (9,S,S) uint8, labels (S,S) uint8), see `Crops`.

    Args:
        pictures: undamaged photographs (H,W,3) uint8.
        artefacts: folder of scanned artefacts, or None.
        unlabelled: photographs with real damage; may be empty.
        false: the detector's false positives on `pictures`; may be empty.
        side: crop size.
        seed: of each worker's random choices.
        without: kinds of damage that are never drawn.
    """

    def __init__(
        self, pictures: tuple[Picture, ...], artefacts: Path | None, *, unlabelled: tuple[Picture, ...],
        false: Sequence[FalsePositives], side: int, seed: int, without: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        super().__init__(pictures, artefacts, side=side, seed=seed, store=800, reuse=4, without=without)
        self.unlabelled, self.false = unlabelled, list(false)
        self.with_false_positives = sorted({one.photo for one in self.false})

    def draw(self, rng: np.random.Generator, bank: ArtefactBank | None) -> Sample:
        """Return a picture for the store."""
        share = rng.random()
        worn, variety = float(rng.uniform(*WORN)), float(rng.uniform(*VARIETIES))
        if self.unlabelled and share < OLD_UNCHANGED + OLD_DAMAGED:
            picture = self.unlabelled[int(rng.integers(len(self.unlabelled)))]
            if share < OLD_UNCHANGED:
                return _unchanged(picture, rng, self.side)
            sample = make_sample(
                picture, rng, bank, undamaged=0.0, distracted=0.0, without=self.without, worn=worn, variety=variety
            )  # fmt: skip
            return Sample(sample.picture, np.where(sample.labels == INTACT, UNSURE, sample.labels).astype(np.uint8))
        if self.with_false_positives and rng.random() < FALSE_POSITIVE_SHARE:
            picture = self.pictures[self.with_false_positives[int(rng.integers(len(self.with_false_positives)))]]
        else:
            picture = self.pictures[int(rng.integers(len(self.pictures)))]
        return make_sample(
            picture, rng, bank, undamaged=UNDAMAGED, distracted=DISTRACTED, without=self.without, worn=worn,
            variety=variety,
        )  # fmt: skip

    def crop(self, kept: Sequence[Sample], rng: np.random.Generator) -> Sample | None:
        """Return a crop of a picture in the store, or one around a false positive."""
        if self.false and rng.random() < MARKED:
            one = self.false[int(rng.integers(len(self.false)))]
            found = one.crop(one.drawn(self.pictures), rng, self.side)
            return None if found is None else augment(found, rng, self.side)
        return augment(kept[int(rng.integers(len(kept)))], rng, self.side)


def _unchanged(picture: Picture, rng: np.random.Generator, side: int) -> Sample:
    """Return a photograph at a random scale, large enough for a crop, without labels."""
    rows, columns = picture.shape[:2]
    scale = max(float(np.exp(rng.uniform(*np.log(SCALES)))), (side + 1) / min(rows, columns))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(picture, (round(columns * scale), round(rows * scale)), interpolation=how)
    return Sample(np.asarray(shown, np.uint8), np.full(shown.shape[:2], UNSURE, np.uint8))
