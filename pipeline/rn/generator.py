"""The two-stage generator: a smooth prior, a coarse correction at 1/8, a refinement, pasted into the hole only."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipeline.rn.coarse import CoarseNet
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.norms import NORMS, replace_norms
from pipeline.rn.prior import GREY, biharmonic_refine, push_pull
from pipeline.rn.refine import RefineNet

MULTIPLE = 16
"""Both sides of a window must be multiples of this."""


class Stages(NamedTuple):
    """What each stage made of the same pictures, each (N,3,H,W) with the known pixels as they came."""

    prior: Tensor
    coarse: Tensor
    final: Tensor


class Generator(nn.Module):
    """Fills holes with Region Normalization in two stages.

    Two stages, as the coarse-to-fine inpainting literature has it, with the RN-B and RN-L layers of Yu et al. (AAAI
    2020), whose own network has one stage; the combination is this project's. An untrained generator returns the
    prior (its heads start near zero).
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.coarse = CoarseNet(config.coarse_width, config.coarse_dilations)
        self.refine = RefineNet(
            config.coarse_width, config.widths, config.blocks, config.dilations, config.noise, config.smooth
        )
        if config.norm != "region":
            replace_norms(self, NORMS[config.norm])

    def forward_stages(self, image: Tensor, hole: Tensor) -> Stages:
        """Return prior, coarse fill and final fill of the same pictures, for the losses.

        Shapes and ranges as in :meth:`forward`. Not clamped, so that a loss still has a gradient beyond 0..1.
        """
        if image.shape[-2] % MULTIPLE or image.shape[-1] % MULTIPLE:
            raise ValueError(f"the sides of a window must be multiples of {MULTIPLE}, got {tuple(image.shape[-2:])}")
        missing = hole > 0.5
        prior = self._prior(image, missing)
        region = missing.to(prior.dtype)
        correction, features = self.coarse(prior, region)
        coarse = torch.where(missing, prior + correction, prior)
        residual = self.refine(coarse, region, features)
        final = torch.where(missing, coarse + residual, prior)
        return Stages(prior, coarse, final)

    def _prior(self, image: Tensor, missing: Tensor) -> Tensor:
        """Return the fill that the stages begin with, in float32 whatever precision they compute in."""
        if self.config.start == "grey":
            return torch.where(missing, torch.full_like(image, GREY), image)
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            region = missing.to(image.dtype)
            return biharmonic_refine(push_pull(image, region), region, self.config.bends)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """Return the pictures (N,3,H,W), float32 0..1, with their holes filled; known pixels do not change.

        ``image`` is (N,3,H,W) float32 0..1, ``hole`` (N,1,H,W) 0/1 (above 0.5 is missing); H and W are multiples of
        16, else ``ValueError``. What ``image`` holds inside the hole never matters. No result depends on the other
        pictures of the batch.
        """
        final = self.forward_stages(image, hole).final
        return torch.where(hole > 0.5, final.clamp(0.0, 1.0), image)
