"""The refinement net: a U-Net on the unshuffled picture that adds structure to the coarse fill."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.blocks import BasicBlock, LearnedBlock, activate, convolution
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.noise import NoiseTile
from pipeline.rn.regions import shrink_hole


class RefineNet(nn.Module):
    """Encoder with RN-B at 1/2, 1/4 and 1/8, decoder with RN-L, one residual picture out."""

    def __init__(
        self,
        coarse_width: int,
        widths: tuple[int, int, int],
        blocks: tuple[int, int],
        dilations: tuple[int, ...],
        noise: float = 0.0,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        # Nearest neighbour costs less, but texture made from noise after it shows rows and columns as a weave.
        self.enlarge = nn.Upsample(scale_factor=2.0, mode="bilinear" if smooth else "nearest")
        self.noise = noise
        self.tile = NoiseTile() if noise else None
        half, quarter, eighth = widths
        self.stem = convolution(4 * 4, half)
        self.stem_norm = BasicRegionNorm(half)
        self.half_blocks = nn.ModuleList(BasicBlock(half) for _ in range(blocks[0]))
        self.down_quarter = convolution(half, quarter, stride=2)
        self.quarter_norm = BasicRegionNorm(quarter)
        self.quarter_blocks = nn.ModuleList(BasicBlock(quarter) for _ in range(blocks[1]))
        self.down_eighth = convolution(quarter, eighth, stride=2)
        self.from_coarse = convolution(coarse_width, eighth, size=1)
        self.eighth_norm = BasicRegionNorm(eighth)
        self.eighth_blocks = nn.ModuleList(BasicBlock(eighth, dilation) for dilation in dilations)
        self.up_quarter = convolution(eighth, quarter, size=1)
        self.fuse_quarter = convolution(2 * quarter, quarter)
        self.fuse_quarter_norm = LearnedRegionNorm(quarter)
        self.quarter_out = nn.ModuleList(LearnedBlock(quarter) for _ in range(blocks[1]))
        self.up_half = convolution(quarter, half, size=1)
        self.fuse_half = convolution(2 * half, half)
        self.fuse_half_norm = LearnedRegionNorm(half)
        self.half_out = nn.ModuleList(LearnedBlock(half) for _ in range(blocks[0]))
        self.head = convolution(half, 12)
        nn.init.normal_(self.head.weight, std=1e-5)

    def forward(self, coarse: Tensor, hole: Tensor, features: Tensor) -> Tensor:
        """Return the residual (N,3,H,W) float32 to add to the coarse fill.

        ``coarse`` is the picture (N,3,H,W) with its hole filled by the coarse stage, ``hole`` (N,1,H,W) 0/1,
        ``features`` the coarse net's (N,C,H/8,W/8). H and W are multiples of 8.
        """
        hole2, hole4, hole8 = shrink_hole(hole, 2), shrink_hole(hole, 4), shrink_hole(hole, 8)
        if self.tile is not None:
            coarse = coarse + self.noise * self.tile(hole)
        at2 = self.stem(F.pixel_unshuffle(torch.cat([coarse - 0.5, hole], dim=1), 2))
        at2 = activate(self.stem_norm(at2, hole2))
        for block in self.half_blocks:
            at2 = block(at2, hole2)
        at4 = activate(self.quarter_norm(self.down_quarter(at2), hole4))
        for block in self.quarter_blocks:
            at4 = block(at4, hole4)
        at8 = self.down_eighth(at4) + self.from_coarse(features)
        at8 = activate(self.eighth_norm(at8, hole8))
        for block in self.eighth_blocks:
            at8 = block(at8, hole8)
        up4 = self.enlarge(self.up_quarter(at8))
        out4 = activate(self.fuse_quarter_norm(self.fuse_quarter(torch.cat([up4, at4], dim=1))))
        for block in self.quarter_out:
            out4 = block(out4, hole4)
        up2 = self.enlarge(self.up_half(out4))
        out2 = activate(self.fuse_half_norm(self.fuse_half(torch.cat([up2, at2], dim=1))))
        for block in self.half_out:
            out2 = block(out2, hole2)
        residual: Tensor = F.pixel_shuffle(self.head(activate(out2)).float(), 2)
        return residual
