"""The building blocks that coarse and refinement net share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.learned import LearnedRegionNorm

SLOPE = 0.1
"""Of the leaky rectifier: cheap, and exact in every backend that the network is exported to."""


def activate(values: Tensor) -> Tensor:
    """The map through a leaky rectifier, shape and dtype kept."""
    return F.leaky_relu(values, SLOPE)


def convolution(inputs: int, outputs: int, *, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution that keeps the map's side (divided by ``stride``), with He initialisation."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=dilation * (size // 2), dilation=dilation)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class BasicBlock(nn.Module):
    """A residual block with RN-B: x + conv(act(RN-B(conv(x)))), (N,C,H,W) in and out."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = convolution(channels, channels, dilation=dilation)
        self.norm = BasicRegionNorm(channels)
        self.second = convolution(channels, channels)
        # Small, so that a deep stack starts near the identity and needs no long warm-up.
        nn.init.normal_(self.second.weight, std=0.01)

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """The map after the block; ``hole`` is (N,1,H,W) at the map's scale."""
        residual: Tensor = self.second(activate(self.norm(self.first(values), hole)))
        return values + residual


class LearnedBlock(nn.Module):
    """A residual block with RN-L: x + conv(act(RN-L(conv(x)))), (N,C,H,W) in and out."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = convolution(channels, channels, dilation=dilation)
        self.norm = LearnedRegionNorm(channels)
        self.second = convolution(channels, channels)
        nn.init.normal_(self.second.weight, std=0.01)

    def forward(self, values: Tensor) -> Tensor:
        """The map after the block."""
        residual: Tensor = self.second(activate(self.norm(self.first(values))))
        return values + residual


class RegionContext(nn.Module):
    """Adds to every pixel what hole and known region look like on the whole: two pooled vectors through one layer.

    A dilated stack sees a few hundred pixels; the tone of the whole picture reaches a wide hole only this way.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * channels, channels)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """The map (N,C,H,W) with its context added."""
        exact = values.float()
        known = 1.0 - hole
        inside = (exact * hole).sum(dim=(2, 3)) / (hole.sum(dim=(2, 3)) + 1.0)
        outside = (exact * known).sum(dim=(2, 3)) / (known.sum(dim=(2, 3)) + 1.0)
        context: Tensor = self.mix(torch.cat([inside, outside], dim=1))
        return values + context[:, :, None, None].to(values.dtype)
