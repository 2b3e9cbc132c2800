"""Residual blocks of the region network, with Region Normalization's two layers.

The deep stacks for photographs bound what each block adds (see ``pipeline.rn.blocks``); four blocks need no bound.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.blocks import activate, convolution
from pipeline.rn.learned import LearnedRegionNorm


class BasicBlock(nn.Module):
    """A residual block with RN-B: x + conv(act(RN-B(conv(x)))), (N,C,H,W) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.norm = BasicRegionNorm(channels)
        self.second = convolution(channels, channels)
        # Small, so that a block starts near the identity.
        nn.init.normal_(self.second.weight, std=0.01)

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the map after the block; ``hole`` is (N,1,H,W) at the map's scale."""
        residual: Tensor = self.second(activate(self.norm(self.first(values), hole)))
        return values + residual


class LearnedBlock(nn.Module):
    """A residual block with RN-L: x + conv(act(RN-L(conv(x)))), (N,C,H,W) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.norm = LearnedRegionNorm(channels)
        self.second = convolution(channels, channels)
        nn.init.normal_(self.second.weight, std=0.01)

    def forward(self, values: Tensor) -> Tensor:
        """Return the map after the block."""
        residual: Tensor = self.second(activate(self.norm(self.first(values))))
        return values + residual


class RegionContext(nn.Module):
    """Adds the means of hole and known region to every pixel: two pooled vectors through one layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * channels, channels)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the map (N,C,H,W) with its context added; ``hole`` is (N,1,H,W) at the map's scale."""
        exact = values.float()
        known = 1.0 - hole
        inside = (exact * hole).sum(dim=(2, 3)) / (hole.sum(dim=(2, 3)) + 1.0)
        outside = (exact * known).sum(dim=(2, 3)) / (known.sum(dim=(2, 3)) + 1.0)
        context: Tensor = self.mix(torch.cat([inside, outside], dim=1))
        return values + context[:, :, None, None].to(values.dtype)
