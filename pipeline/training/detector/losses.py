"""The loss of the detector where damage is labelled."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.training.detector.data import DAMAGED, UNSURE

#: Side in pixels of the square in which damage is counted to weight it, and what is added to its share there.
NEIGHBOURHOOD, SPARSE = 15, 0.2


def detector_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return binary cross-entropy plus half a soft Dice loss over the labelled pixels, both weighted; a scalar.

    A hair has a hundredth of the pixels of a flaked patch and is as much damage to a viewer. A damaged pixel is
    therefore weighted by the inverse of the share of damage around it: 0.8 inside a patch, 2 in a hair, 4 in a speck of
    dust.

    Args:
        logits: (N,1,H,W).
        labels: (N,H,W) uint8; see `pipeline.training.detector.data`. Unsure pixels do not count.
    """
    sure = (labels != UNSURE).float()
    truth = (labels == DAMAGED).float()
    side, reach = NEIGHBOURHOOD, NEIGHBOURHOOD // 2
    across = F.avg_pool2d(truth[:, None], (1, side), 1, (0, reach))
    density = F.avg_pool2d(across, (side, 1), 1, (reach, 0))[:, 0]
    weight = torch.where(truth > 0, 1 / (SPARSE + density), sure)
    values = logits[:, 0].float()
    errors = F.binary_cross_entropy_with_logits(values, truth, reduction="none")
    cross_entropy = (errors * weight).sum() / sure.sum().clamp(min=1)
    probability = torch.sigmoid(values)
    dice = 1 - (2 * (probability * truth * weight).sum() + 1) / ((probability + truth) * weight).sum().add(1)
    return cross_entropy * 4 + dice * 0.5
