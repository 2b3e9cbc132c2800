"""Distil a detector from teachers' answers on transformed copies: synthetic labels overfit to one simulator."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipeline.detection.features import compute_features
from pipeline.detection.network import DetectorNet, predict_logits
from pipeline.training.detector.data import INTACT

#: Scales at which teachers see a crop, and the weight of each. The copies are mirrored and rotated at random.
SCALES, WEIGHTS = (1.0, 0.75, 0.625), (0.5, 0.25, 0.25)
#: Targets are clipped to ± this logit; and the highest target of pixels labelled intact.
LOGIT_LIMIT, INTACT_LOGIT = 5.5, -4.0
#: Weight of a pixel that teachers are sure is intact, and the factor of their probability of damage, added up to 1.
SURE_WEIGHT, DOUBT_WEIGHT = 0.2, 4.0
#: Difference of logits up to which the Huber loss is quadratic.
QUADRATIC = 2.0


class TeacherEnsemble:
    """Several networks that see randomly transformed copies of crops.

    On unfamiliar damage a network's answers for a picture and its mirror image differ; the mean over transformations
    and networks is right more often. A student that learns one random answer per step learns their mean, where its
    loss is lowest.

    Args:
        networks: in eval mode, of any shape.
        seed: of the transformations.
    """

    def __init__(self, networks: Sequence[DetectorNet], seed: int) -> None:
        if not networks:
            raise ValueError("distillation needs at least one teacher")
        self._networks, self._rng = list(networks), np.random.default_rng(seed)

    @torch.no_grad()
    def targets(self, crops: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the target logits (N,S,S) and the weight of each pixel (N,S,S).

        Pixels labelled intact are taught as intact, and their weight grows with the teachers' probability of damage.
        Labels of damage are not used: they come from one simulator.

        Args:
            crops: planes (N,9,S,S) uint8, of which the first three are the picture.
            labels: (N,S,S) uint8, see `pipeline.training.detector.data`.
        """
        pictures = [crop[:3].permute(1, 2, 0).numpy() for crop in crops]
        logits = torch.zeros(labels.shape)
        for scale, weight in zip(SCALES, WEIGHTS, strict=True):
            network = self._networks[int(self._rng.integers(len(self._networks)))]
            logits += weight * self._answer(network, pictures, scale)
        counts = SURE_WEIGHT + (DOUBT_WEIGHT * torch.sigmoid(logits)).clamp(max=1.0)
        return torch.where(labels == INTACT, logits.clamp(max=INTACT_LOGIT), logits), counts

    def _answer(self, network: DetectorNet, pictures: list[NDArray[np.uint8]], scale: float) -> Tensor:
        """Return a network's logits (N,S,S) for the pictures, seen at a scale, mirrored or rotated at random."""
        side, turns, mirrored = pictures[0].shape[0], int(self._rng.integers(4)), bool(self._rng.integers(2))
        scaled = max(network.multiple, round(scale * side / network.multiple) * network.multiple)
        views = []
        for picture in pictures:
            if scaled != side:
                picture = np.asarray(cv2.resize(picture, (scaled, scaled), interpolation=cv2.INTER_AREA), np.uint8)
            rotated = np.rot90(picture, turns)
            views.append(compute_features(np.ascontiguousarray(rotated[:, ::-1] if mirrored else rotated)))
        logits = (
            predict_logits(network, torch.from_numpy(np.stack(views)))[:, 0].float().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        )
        if mirrored:
            logits = logits.flip(2)
        logits = torch.rot90(logits, -turns, (1, 2))
        if scaled != side:
            logits = F.interpolate(logits[:, None], size=(side, side), mode="bilinear")[:, 0]
        return logits


def distillation_loss(logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """Return the weighted mean of a Huber loss between logits (N,1,S,S) and targets (N,S,S), scalar.

    Where both are beyond the clipped range on the same side, the loss is zero.
    """
    values = logits[:, 0].float()
    sure = LOGIT_LIMIT - 0.5
    agreed = ((values < -sure) & (targets <= INTACT_LOGIT)) | ((values > sure) & (targets >= sure))
    apart = F.smooth_l1_loss(values, targets, reduction="none", beta=QUADRATIC)
    return (apart.masked_fill(agreed, 0.0) * counts).sum() / counts.sum()
