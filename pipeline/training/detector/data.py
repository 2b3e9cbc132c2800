"""Crops for training the detector: simulated damage and undamaged pictures, with what is visible as label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from pipeline.detection.features import compute_features
from pipeline.imaging.types import Picture
from pipeline.simulation import ArtefactBank, simulate
from pipeline.simulation.distractors import add_distractor
from pipeline.simulation.kinds import usual_kinds

#: Labels of a pixel. What is hardly visible, or see-through like a stain, is neither damaged nor intact.
INTACT, DAMAGED, UNSURE = 0, 1, 2
#: Kinds without a clear outline; they are drawn sometimes and never labelled.
SEE_THROUGH = frozenset({"stain", "water-ring", "fingerprint", "tape", "foxing"})
#: Difference from the original, as a share of the range, from which a pixel is damaged, and up to which it is intact.
CLEAR, FAINT = 0.04, 0.012
#: How much the drawn damage varies (see `simulate`), so that the network does not overfit to one simulator.
VARIETY = 0.7
#: Share of pictures with distractors: drawn objects that look like damage and are not.
DISTRACTED = 0.45
#: Line-shaped kinds, and the share of pictures that get two more of them: lines cover little and are hard to find.
LINES, LINED = ("hair", "lint", "scratch", "crack", "crease"), 0.6
#: Share of damaged pictures with broad losses, which vary most between pictures.
LOST = 0.35
#: Share of crops with a colour cast over picture and damage.
CAST = 0.3
#: Share of pictures that are out of focus as a whole or in part: soft regions are not damage, and sharp damage stands
#: out from them.
SOFT = 0.3
#: Range of that blur's standard deviation in pixels.
SOFTNESS = (0.8, 6.0)
#: Share of pictures that are halftone prints: the dots are not damage.
PRINTED = 0.04


@dataclass(frozen=True)
class Sample:
    """A picture (H,W,3) uint8 with labels (H,W) uint8."""

    picture: Picture
    labels: NDArray[np.uint8]


def make_sample(
    picture: Picture, rng: np.random.Generator, bank: ArtefactBank | None, *, undamaged: float,
    distracted: float = DISTRACTED, without: frozenset[str] = frozenset(), worn: float = 1.0, variety: float = VARIETY,
) -> Sample:  # fmt: skip
    """Return a picture that is aged and, except for a share `undamaged`, damaged, with its labels.

    A share `distracted` gets distractors. Kinds in `without` are never drawn; where no other kind is left, `vague` is
    drawn. `worn` scales the amount of damage: training shows more than real scans have. For `variety` see `simulate`.
    """
    picture = _vary(picture, rng)
    if rng.random() < distracted:
        picture = add_distractor(picture, rng)
    ageing = float(rng.uniform(0, 1.4))
    if rng.random() < undamaged:
        result = simulate(picture, rng, [], ageing=ageing, halftone=PRINTED, variety=variety)
    else:
        severity = worn * float(rng.choice([0.4, 0.8, 1.2, 1.7], p=[0.35, 0.35, 0.2, 0.1]))
        kinds = usual_kinds(rng, severity) if rng.random() < 0.85 else []
        kinds = [name for name in kinds if name not in without]
        if rng.random() < LINED:
            kinds += [name for name in rng.choice(LINES, 2, replace=False).tolist() if name not in without]
        if rng.random() < LOST and "loss" not in without:
            kinds.append("loss")
        if not kinds or rng.random() < 0.25:
            kinds.append("vague")
        result = simulate(picture, rng, kinds, severity, ageing=ageing, halftone=PRINTED, variety=variety, bank=bank)
    difference = np.abs(result.pixels.astype(np.int16) - result.original.astype(np.int16)).max(axis=2)
    labels = np.full(difference.shape, UNSURE, np.uint8)
    labels[difference <= FAINT * 255] = INTACT
    for name, mask in result.kinds.items():
        if name not in SEE_THROUGH:
            labels[(mask > 0) & (difference >= CLEAR * 255)] = DAMAGED
    pixels = _scanned(np.asarray(result.pixels, np.uint8), rng)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))]
        coded = cv2.imencode(".jpg", pixels[:, :, ::-1], quality)[1]
        pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]
    return Sample(np.ascontiguousarray(pixels, np.uint8), labels)


def _scanned(pixels: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with a scanner's blur, sharpening and noise over picture and damage."""
    look = rng.random()
    if look < 0.25:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 1.2))), np.uint8)
    elif look < 0.4:
        soft = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.7, 1.5)))
        amount = float(rng.uniform(0.3, 1.0))
        pixels = np.asarray(cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0), np.uint8)
    if rng.random() < 0.25:
        noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32)[:, :, None] * np.float32(rng.uniform(1, 6))
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return pixels


def _vary(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture at a random scale, sometimes grey, sometimes out of focus."""
    scale = float(np.exp(rng.uniform(np.log(0.7), np.log(1.7))))
    size = (max(288, round(picture.shape[1] * scale)), max(288, round(picture.shape[0] * scale)))
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC).astype(np.uint8)
    if max(picture.shape) > 448:  # a part is enough, since the time grows with the area
        top, left = (int(rng.integers(0, max(1, n - 447))) for n in picture.shape[:2])
        picture = picture[top : top + 448, left : left + 448]
    if rng.random() < 0.3:
        picture = cv2.merge([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)] * 3).astype(np.uint8)
    if rng.random() < SOFT:
        picture = _out_of_focus(picture, rng)
    return np.ascontiguousarray(picture)


def _out_of_focus(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture blurred; half of the time only in part, like a far or near object."""
    soft = cv2.GaussianBlur(picture, (0, 0), float(np.exp(rng.uniform(*np.log(SOFTNESS)))))
    if rng.random() < 0.5:
        return np.asarray(soft, np.uint8)
    field = cv2.resize(rng.random((4, 4), np.float32), picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    share = np.clip((field - 0.5) * 4 + 0.5, 0, 1)[:, :, None]
    mixed: Picture = np.rint(picture * (1 - share) + soft * share).astype(np.uint8)
    return mixed


def augment(sample: Sample, rng: np.random.Generator, side: int) -> Sample:
    """Return a square crop, randomly mirrored and rotated, with random brightness and contrast."""
    rows, columns = sample.labels.shape
    top, left = int(rng.integers(0, rows - side + 1)), int(rng.integers(0, columns - side + 1))
    picture = sample.picture[top : top + side, left : left + side]
    labels = sample.labels[top : top + side, left : left + side]
    turns = int(rng.integers(4))
    picture, labels = np.rot90(picture, turns), np.rot90(labels, turns)
    if rng.random() < 0.5:
        picture, labels = picture[:, ::-1], labels[:, ::-1]
    gain, shift, gamma = rng.uniform(0.75, 1.15), rng.normal(0, 12), np.exp(rng.normal(0, 0.18))
    table = np.clip(255 * (np.arange(256) / 255) ** gamma * gain + shift, 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        table = table[::-1].copy()  # a negative: damage may be brighter or darker
    picture = table[picture]
    if rng.random() < CAST:
        picture = _cast(picture, rng)
    return Sample(np.ascontiguousarray(picture), np.ascontiguousarray(labels))


def _cast(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with a colour cast over picture and damage: a toned copy of a damaged print, or a lamp's."""
    if rng.random() < 0.6:
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        picture = np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)
    gains = np.clip(np.array([1.0, 0.93, 0.78]) ** rng.uniform(-0.5, 1.6) + rng.normal(0, 0.03, 3), 0.3, 1.2)
    return np.clip(picture * gains.astype(np.float32), 0, 255).astype(np.uint8)


class Crops(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of (planes (9,S,S) uint8, labels (S,S) uint8).

    Drawing a picture takes longer than a training step on it, so each worker keeps a store of drawn pictures, takes
    several crops of each with different tones, and replaces one picture at a time.

    Args:
        pictures: clean photographs (H,W,3) uint8.
        artefacts: folder of scanned artefacts, or None.
        side: crop size.
        seed: of each worker's random choices.
        undamaged: share of pictures without damage.
        without: kinds of damage that are never drawn, see `make_sample`.
        store: number of drawn pictures kept.
        first: pictures drawn before the first crop, so that a new or resumed run does not overfit to a handful.
        reuse: crops per drawn picture.
    """

    def __init__(
        self, pictures: tuple[Picture, ...], artefacts: Path | None, *, side: int, seed: int, undamaged: float = 0.35,
        store: int = 1200, first: int = 64, reuse: int = 5, without: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.without = without
        self.pictures, self.artefacts, self.side, self.seed = pictures, artefacts, side, seed
        self.undamaged, self.store, self.first, self.reuse = undamaged, store, first, reuse

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        cv2.setNumThreads(1)
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        bank = ArtefactBank.load(self.artefacts) if self.artefacts else None
        kept: list[Sample] = []
        first, count = min(self.first, self.store), 0
        while True:
            if count % self.reuse == 0 or len(kept) < first:
                sample = self.draw(rng, bank)
                if len(kept) < self.store:
                    kept.append(sample)
                else:
                    kept[int(rng.integers(len(kept)))] = sample
            count += 1
            if len(kept) < first:
                continue
            crop = self.crop(kept, rng)
            if crop is not None:
                yield torch.from_numpy(compute_features(crop.picture)), torch.from_numpy(crop.labels)

    def draw(self, rng: np.random.Generator, bank: ArtefactBank | None) -> Sample:
        """Return a picture for the store."""
        picture = self.pictures[int(rng.integers(len(self.pictures)))]
        return make_sample(picture, rng, bank, undamaged=self.undamaged, without=self.without)

    def crop(self, kept: Sequence[Sample], rng: np.random.Generator) -> Sample | None:
        """Return a crop of a random picture in the store, or None where it is rejected."""
        crop = augment(kept[int(rng.integers(len(kept)))], rng, self.side)
        if not (crop.labels == DAMAGED).any() and rng.random() < 0.4:
            return None  # undamaged corners of damaged pictures would dominate
        return crop
