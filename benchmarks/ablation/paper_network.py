"""The network of the paper on Region Normalization in its own form, narrower."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.generator import Stages
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.regions import shrink_hole

WHITE = 1.0


class ResidualBlock(nn.Module):
    """x + RN-L(conv(relu(RN-L(conv(x))))), the first convolution dilated by 2; (N,C,H,W) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=2, dilation=2)
        self.norm = LearnedRegionNorm(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.settle = LearnedRegionNorm(channels)

    def forward(self, values: Tensor) -> Tensor:
        """Return the map after the block."""
        residual: Tensor = self.settle(self.second(F.relu(self.norm(self.first(values)))))
        return values + residual


class PaperNetwork(nn.Module):
    """One stage: encoder with RN-B, residual blocks and decoder with RN-L, a picture out.

    Yu et al., AAAI 2020, figure 2 and section 4.1. The hole holds a constant and the mask is no input of the
    convolutions. Channels are `width`, twice and four times it; the authors' width is 64.
    """

    def __init__(self, width: int, blocks: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 7, padding=3)
        self.stem_norm = BasicRegionNorm(width)
        self.down_half = nn.Conv2d(width, 2 * width, 4, 2, padding=1)
        self.half_norm = BasicRegionNorm(2 * width)
        self.down_quarter = nn.Conv2d(2 * width, 4 * width, 4, 2, padding=1)
        self.quarter_norm = BasicRegionNorm(4 * width)
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        self.up_half = nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, padding=1)
        self.up_half_norm = LearnedRegionNorm(2 * width)
        self.up_whole = nn.ConvTranspose2d(2 * width, width, 4, 2, padding=1)
        self.up_whole_norm = LearnedRegionNorm(width)
        self.head = nn.Conv2d(width, 3, 7, padding=3)

    def forward_stages(self, image: Tensor, hole: Tensor) -> Stages:
        """Return the constant, and twice the fill, each (N,3,H,W) with known pixels as they came; for the losses."""
        missing = hole > 0.5
        region = missing.to(image.dtype)
        start = torch.where(missing, torch.full_like(image, WHITE), image)
        values = F.relu(self.stem_norm(self.stem(start), region))
        values = F.relu(self.half_norm(self.down_half(values), shrink_hole(region, 2)))
        values = F.relu(self.quarter_norm(self.down_quarter(values), shrink_hole(region, 4)))
        values = self.blocks(values)
        values = F.relu(self.up_half_norm(self.up_half(values)))
        values = F.relu(self.up_whole_norm(self.up_whole(values)))
        drawn = (torch.tanh(self.head(values).float()) + 1.0) / 2.0
        filled = torch.where(missing, drawn, image)
        return Stages(start, filled, filled)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """Return the pictures (N,3,H,W) 0..1 with their holes filled."""
        return self.forward_stages(image, hole).final
