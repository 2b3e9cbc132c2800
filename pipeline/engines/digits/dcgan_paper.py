"""The paper's two networks: an encoder-decoder that fills the middle of a digit, and its discriminator.

Nair and Mohan 2023. Choices that the paper leaves open follow its wording closely: see ``docs/digits.md``.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

DROPOUT = 0.2
SLOPE = 0.2
"""Negative slope of the discriminator's LeakyReLU, as in DCGAN (Radford et al. 2016)."""


class PaperGenerator(nn.Module):
    """Encoder 32, 64, 128 (3×3, ReLU, batch normalisation, average pooling), decoder 128, 64, 1 (upsampling, tanh).

    28 pixels can be halved twice (28, 14, 7), so the first two of the encoder's convolutions are pooled, and the
    first two of the decoder's upsampled.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, 32, 64, 128, 128, 64)
        pairs = list(pairwise(sizes))
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b in pairs)
        self.head = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """Return the whole digit as the generator draws it, (N,1,28,28) −1..1; known pixels are not pasted back.

        ``image`` is (N,1,28,28) −1..1, ``hole`` (N,1,28,28) 0/1. The network sees the hole as 0, the middle of the
        range, which neither paper nor ink has.
        """
        features = image * (1.0 - hole)
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            features = norm(F.relu(convolution(features)))
            if index < 2:
                features = F.avg_pool2d(features, 2)
            elif index > 2:
                features = F.interpolate(features, scale_factor=2.0, mode="nearest")
        drawn: Tensor = torch.tanh(self.head(features).float())
        return drawn


def _dropout_factors(features: Tensor) -> Tensor:
    """Return the factors of dropout: 0 for a fifth of the map, 1.25 for the rest.

    They follow from torch's seed, but numpy draws them, ten times as fast: torch's own dropout takes half of a step.
    """
    count, channels, height, width = features.shape
    rng = np.random.default_rng(int(torch.randint(1 << 62, ())))
    drawn = rng.integers(0, 1 << 16, (count, height, width, channels), dtype=np.uint16)
    kept = torch.from_numpy(drawn >= round(DROPOUT * (1 << 16))).to(features.dtype)
    return kept.div_(1.0 - DROPOUT).permute(0, 3, 1, 2)


class PaperDiscriminator(nn.Module):
    """Convolutions 64, 128, 256 (3×3, stride 2, LeakyReLU, dropout 0.2), one dense unit; the sigmoid is in the loss."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, 64, 128, 256)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(sizes))
        self.dense = nn.Linear(sizes[-1] * 4 * 4, 1)
        for convolution in self.convolutions:
            # Without normalisation torch's default initialisation shrinks the signal threefold in each layer, and the
            # discriminator never learns.
            nn.init.kaiming_normal_(convolution.weight, a=SLOPE)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        """Return the logit (N,) that the digit (N,1,28,28) −1..1 is real."""
        features = image
        for convolution in self.convolutions:
            features = F.leaky_relu(convolution(features), SLOPE)
            if self.training:
                features = features * _dropout_factors(features)
        logit: Tensor = self.dense(features.flatten(1)).float()
        return logit[:, 0]
