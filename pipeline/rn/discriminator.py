"""The discriminator of the sharp variant: a patch discriminator with spectral normalisation."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.rn.blocks import SLOPE

STRIDE = 8
"""Pixels of the picture per logit, on each side."""


class Discriminator(nn.Module):
    """Score each patch: positive where it looks photographed, negative where it looks filled.

    SN-PatchGAN, Yu et al., ICCV 2019 (arXiv 1806.03589), made smaller. Spectral normalisation (Miyato et al., ICLR
    2018) keeps it from becoming overconfident. A logit sees about 70 pixels.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            stride = 2 if index < 3 else 1
            layers += [
                spectral_norm(
                    nn.Conv2d(
                        inputs, outputs, 5 if index == 0 else 4 if stride == 2 else 3, stride, 2 if index == 0 else 1
                    )
                ),
                nn.LeakyReLU(SLOPE),
            ]
        layers.append(spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """Return the logits (N,1,H/8,W/8) of pictures (N,3,H,W) float32 0..1 with holes (N,1,H,W) 0/1.

        The hole is one of its inputs: it decides whether the fill belongs there. H and W are multiples of 8.
        """
        logits: Tensor = self.layers(torch.cat([image * 2.0 - 1.0, hole], dim=1))
        return logits
