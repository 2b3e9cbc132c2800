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


def discriminator_adversarial_loss(real: Tensor, filled: Tensor, hole: Tensor) -> Tensor:
    """The discriminator's loss, scalar: softplus(-(D(real) - D(filled))), patch by patch around the holes.

    Relativistic pairs, Jolicoeur-Martineau, ICLR 2019, with a photograph and its own fill as the pair: what both have
    in common, the subject, cancels, and what is left to judge is the fill. Logits are (N,1,H/8,W/8), the hole
    (N,1,H,W) 0/1.
    """
    return _mean_in_hole(F.softplus(filled - real), hole)


def generator_adversarial_loss(real: Tensor, filled: Tensor, hole: Tensor) -> Tensor:
    """The generator's part, scalar: softplus(-(D(filled) - D(real))), around the holes."""
    return _mean_in_hole(F.softplus(real - filled), hole)
