"""The adversarial losses of the sharp variant, on tensors alone."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from pipeline.rn.discriminator import STRIDE
from pipeline.rn.regions import shrink_hole


def _mean_in_hole(values: Tensor, hole: Tensor) -> Tensor:
    """The mean of the logits' values (N,1,h,w) over the patches that touch the hole (N,1,8h,8w), scalar."""
    touched = shrink_hole(hole, STRIDE)
    return (values * touched).sum() / (touched.sum() + 1.0)


def critic_loss(real: Tensor, filled: Tensor, hole: Tensor) -> Tensor:
    """The hinge loss of the discriminator, scalar: max(0, 1 - D(real)) + max(0, 1 + D(filled)), around the holes.

    Lim and Ye, Geometric GAN, 2017. Logits are (N,1,H/8,W/8), the hole (N,1,H,W) 0/1.
    """
    return _mean_in_hole(F.relu(1.0 - real), hole) + _mean_in_hole(F.relu(1.0 + filled), hole)


def deceit_loss(filled: Tensor, hole: Tensor) -> Tensor:
    """The generator's part, scalar: -D(filled), around the holes."""
    return -_mean_in_hole(filled, hole)
