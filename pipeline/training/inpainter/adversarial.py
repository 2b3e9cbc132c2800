"""The adversarial losses of the sharp variant."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from pipeline.rn.discriminator import STRIDE
from pipeline.rn.regions import shrink_hole


def _mean_in_hole(values: Tensor, hole: Tensor) -> Tensor:
    """Return the mean of values (N,1,h,w) over the patches that touch the hole (N,1,8h,8w), scalar."""
    touched = shrink_hole(hole, STRIDE)
    return (values * touched).sum() / (touched.sum() + 1.0)


def discriminator_adversarial_loss(real: Tensor, filled: Tensor, hole: Tensor) -> Tensor:
    """Return the discriminator's loss, scalar: softplus(-(D(real) - D(filled))), mean over patches around the holes.

    Relativistic pairs (Jolicoeur-Martineau, ICLR 2019) of a photograph and its own fill: their common content cancels,
    and the fill is left to discriminate. Logits are (N,1,H/8,W/8), the hole (N,1,H,W) 0/1.
    """
    return _mean_in_hole(F.softplus(filled - real), hole)


def generator_adversarial_loss(real: Tensor, filled: Tensor, hole: Tensor) -> Tensor:
    """Return the generator's loss, scalar: softplus(-(D(filled) - D(real))), mean over patches around the holes."""
    return _mean_in_hole(F.softplus(real - filled), hole)
