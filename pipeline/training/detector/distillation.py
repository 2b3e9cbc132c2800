"""Learning a detector from what others say of a picture from several sides: labels teach one hand's damage."""

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

#: Scales of the looks that teachers take at a crop, and what each counts. A look is at a mirrored or turned copy.
SCALES, WEIGHTS = (1.0, 0.75, 0.625), (0.5, 0.25, 0.25)
#: Logits beyond which no surer answer is asked for, and the most that is taught of what is labelled intact.
LOGIT_LIMIT, INTACT_LOGIT = 5.5, -4.0
#: What a pixel counts that teachers are sure is intact, and how much more one that they doubt.
CALM, DOUBTED = 0.2, 4.0
#: Difference of logits up to which the loss is quadratic.
QUADRATIC = 2.0


class TeacherEnsemble:
    """Several networks that look at crops from sides drawn by chance.

    Of unfamiliar damage one network says different things about a picture and its mirror image; the mean over sides and
    networks is right more often (docs/results/trials.md). A network that learns one such answer a step learns their
    mean, since its loss is least there.

    Args:
        networks: in eval mode, of any shape.
        seed: of the sides.
    """

    def __init__(self, networks: Sequence[DetectorNet], seed: int) -> None:
        if not networks:
            raise ValueError("there must be a teacher")
        self._networks, self._rng = list(networks), np.random.default_rng(seed)

    @torch.no_grad()
    def targets(self, crops: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits to learn (N,S,S), and what each pixel counts (N,S,S).

        What is labelled intact is taught as intact, and counts the more, the more the teachers doubt it. Nothing else
        of the labels is used: what they say of damage is one hand's.

        Args:
            crops: planes (N,9,S,S) uint8, of which the first three are the picture.
            labels: (N,S,S) uint8, see `detector_data`.
        """
        pictures = [crop[:3].permute(1, 2, 0).numpy() for crop in crops]
        said = torch.zeros(labels.shape)
        for scale, weight in zip(SCALES, WEIGHTS, strict=True):
            network = self._networks[int(self._rng.integers(len(self._networks)))]
            said += weight * self._look(network, pictures, scale)
        counts = CALM + (DOUBTED * torch.sigmoid(said)).clamp(max=1.0)
        return torch.where(labels == INTACT, said.clamp(max=INTACT_LOGIT), said), counts

    def _look(self, network: DetectorNet, pictures: list[NDArray[np.uint8]], scale: float) -> Tensor:
        """What a network says (N,S,S) of the pictures at a scale, mirrored or turned."""
        side, turns, mirrored = pictures[0].shape[0], int(self._rng.integers(4)), bool(self._rng.integers(2))
        shrunk = max(network.multiple, round(scale * side / network.multiple) * network.multiple)
        seen = []
        for picture in pictures:
            if shrunk != side:
                picture = np.asarray(cv2.resize(picture, (shrunk, shrunk), interpolation=cv2.INTER_AREA), np.uint8)
            turned = np.rot90(picture, turns)
            seen.append(compute_features(np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)))
        said = predict_logits(network, torch.from_numpy(np.stack(seen)))[:, 0].float().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        if mirrored:
            said = said.flip(2)
        said = torch.rot90(said, -turns, (1, 2))
        if shrunk != side:
            said = F.interpolate(said[:, None], size=(side, side), mode="bilinear")[:, 0]
        return said


def distillation_loss(logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """Return how far logits (N,1,S,S) are from what was taught (N,S,S): the weighted mean of a Huber loss.

    Where both are sure of the same they agree, however sure each is.
    """
    values = logits[:, 0].float()
    sure = LOGIT_LIMIT - 0.5
    agreed = ((values < -sure) & (targets <= INTACT_LOGIT)) | ((values > sure) & (targets >= sure))
    apart = F.smooth_l1_loss(values, targets, reduction="none", beta=QUADRATIC)
    return (apart.masked_fill(agreed, 0.0) * counts).sum() / counts.sum()
