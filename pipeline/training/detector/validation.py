"""Validate a detector on held-out pictures: Dice; precision, recall and false positives by threshold."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.detection.features import compute_features
from pipeline.detection.network import predict_logits
from pipeline.metrics.tolerance import tolerated
from pipeline.simulation import ArtefactBank
from pipeline.training.common.photos import PhotoSet
from pipeline.training.detector.data import DAMAGED, INTACT, Sample, make_sample

THRESHOLDS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
#: Index of the threshold in summaries.
REPORTED = THRESHOLDS.index(0.9)


@dataclass(frozen=True)
class Score:
    """Figures after an epoch; the lists follow `THRESHOLDS`.

    Attributes:
        step, seconds, loss: progress of the run; the loss is the mean since the last validation.
        dice: soft Dice over all held-out damaged pictures.
        precision, recall: with 2 px tolerance.
        clean: marked share of the undamaged pictures' area.
    """

    step: int
    seconds: float
    loss: float
    dice: float
    precision: list[float]
    recall: list[float]
    clean: list[float]

    def as_dict(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return asdict(self)


def read_scores(curves: Path) -> list[Score]:
    """Return the scores in a run's curves, ascending by step; none when there is no such file.

    A run that was killed repeats some steps; of scores with the same step the last one counts.
    """
    if not curves.exists():
        return []
    scores = (Score(**json.loads(line)) for line in curves.read_text().splitlines())
    by_step = {score.step: score for score in scores}
    return [by_step[step] for step in sorted(by_step)]


def held_out_samples(photos: PhotoSet, artefacts: Path | None, count: int = 48) -> list[Sample]:
    """Return damaged and undamaged samples (every third) of held-out pictures and artefacts, the same on every call."""
    bank = ArtefactBank.load(artefacts, held_out=True) if artefacts else None
    samples = []
    for index in range(count):
        rng = np.random.default_rng((99, index))
        picture = photos.pictures[(index * 7) % len(photos)]
        sample = make_sample(picture, rng, bank, undamaged=float(index % 3 == 2))
        samples.append(Sample(sample.picture[:320, :320], sample.labels[:320, :320]))
    return samples


def score(
    network: nn.Module,
    samples: list[Sample],
    *,
    step: int,
    loss: float,
    seconds: float,
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> Score:
    """Return the figures of a network on the samples."""
    right, marked, found, damaged, false = (np.zeros(len(thresholds)) for _ in range(5))
    overlap = total = clean_area = 0.0
    for sample in samples:
        probability = probabilities(network, sample.picture)
        truth = (sample.labels == DAMAGED).astype(np.uint8)
        sure = sample.labels != 2
        if truth.any():
            overlap += 2 * float((probability * truth).sum())
            total += float((probability * sure).sum()) + float(truth.sum())
        else:
            clean_area += float((sample.labels == INTACT).sum())
        # Marks on unsure pixels are neither right nor wrong.
        allowed = tolerated(truth) > 0
        for index, threshold in enumerate(thresholds):
            mask = (probability > threshold) & (sure | allowed)
            if not truth.any():
                false[index] += float((mask & (sample.labels == INTACT)).sum())
            right[index] += float((mask & allowed).sum())
            marked[index] += float(mask.sum())
            found[index] += float((truth.astype(bool) & (tolerated(mask.astype(np.uint8)) > 0)).sum())
            damaged[index] += float(truth.sum())
    return Score(
        step, round(seconds, 1), round(loss, 4), round(overlap / max(total, 1), 4),
        _round(right / np.maximum(marked, 1)), _round(found / np.maximum(damaged, 1)),
        _round(false / max(clean_area, 1), 6),
    )  # fmt: skip


def probabilities(network: nn.Module, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probability of damage (H,W) for one picture (H,W,3), without windows."""
    multiple = int(getattr(network, "multiple", 32))
    rows, columns = picture.shape[:2]
    padded = cv2.copyMakeBorder(picture, 0, -rows % multiple, 0, -columns % multiple, cv2.BORDER_REFLECT_101)
    tensor = torch.from_numpy(compute_features(padded.astype(np.uint8, copy=False)))[None]
    with torch.inference_mode():
        logits = predict_logits(network, tensor)
    probability: NDArray[np.float32] = torch.sigmoid(logits.float())[0, 0, :rows, :columns].numpy()
    return probability


def _round(values: NDArray[np.float64], digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]
