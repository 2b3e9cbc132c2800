"""RN-B: basic region normalisation, for layers where the hole is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.rn.regions import normalise_regions


class BasicRegionNorm(nn.Module):
    """Normalise hole and known region separately, each with a learned scale and shift per channel.

    Yu et al., AAAI 2020, equation 7. Input and output (N,C,H,W); the hole is (N,1,H,W) 0/1.
    """

    def __init__(self, channels: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.hole_scale = nn.Parameter(torch.full((1, channels, 1, 1), scale))
        self.hole_shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.known_scale = nn.Parameter(torch.full((1, channels, 1, 1), scale))
        self.known_shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the normalised map, (N,C,H,W)."""
        return normalise_regions(values, hole, self.hole_scale, self.hole_shift, self.known_scale, self.known_shift)
