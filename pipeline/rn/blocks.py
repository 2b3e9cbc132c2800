"""The building blocks that coarse and refinement net share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.learned import LearnedRegionNorm

RESIDUAL_SCALE = 0.2
"""Scale of what a residual block adds at first, relative to its input: a deep stack begins near the identity."""

SLOPE = 0.1
"""Slope of the leaky rectifier: cheap, and exact in every backend that the network is exported to."""


def activate(values: Tensor) -> Tensor:
    """Return the map through a leaky rectifier, in its shape and dtype."""
    return F.leaky_relu(values, SLOPE)


def convolution(inputs: int, outputs: int, *, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the map's side (divided by ``stride``), with He initialisation."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=dilation * (size // 2), dilation=dilation)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class BasicBlock(nn.Module):
    """A residual block with RN-B: x + RN-B(conv(act(RN-B(conv(x))))), (N,C,H,W) in and out.

    The second normalisation bounds what a block adds. Without it the sum grows a thousandfold in some thousand
    steps, since nothing after it depends on its scale; the borders, where convolutions are padded with zeros, then
    outweigh the picture.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = convolution(channels, channels, dilation=dilation)
        self.norm = BasicRegionNorm(channels)
        self.second = convolution(channels, channels)
        self.settle = BasicRegionNorm(channels, scale=RESIDUAL_SCALE)

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the map after the block; ``hole`` is (N,1,H,W) at the map's scale."""
        residual: Tensor = self.settle(self.second(activate(self.norm(self.first(values), hole))), hole)
        return values + residual


class LearnedBlock(nn.Module):
    """A residual block of the decoder: x + RN-B(conv(act(RN-L(conv(x))))), (N,C,H,W) in and out.

    RN-L finds its own region; the second normalisation only bounds the sum (see :class:`BasicBlock`), for which the
    given region is enough, at a fraction of the cost.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = convolution(channels, channels, dilation=dilation)
        self.norm = LearnedRegionNorm(channels)
        self.second = convolution(channels, channels)
        self.settle = BasicRegionNorm(channels, scale=RESIDUAL_SCALE)

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the map after the block; ``hole`` is (N,1,H,W) at the map's scale."""
        residual: Tensor = self.settle(self.second(activate(self.norm(self.first(values)))), hole)
        return values + residual
