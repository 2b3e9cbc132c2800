"""The coarse net: at 1/8 of the picture's side it corrects the prior's large shapes and tones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.blocks import BasicBlock, activate, convolution
from pipeline.rn.regions import shrink_hole


class CoarseNet(nn.Module):
    """Dilated residual blocks with RN-B at 1/8, ending in a low-resolution correction of the prior."""

    def __init__(self, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = convolution(4 * 16, width, stride=2)
        self.norm = BasicRegionNorm(width)
        self.blocks = nn.ModuleList(BasicBlock(width, dilation) for dilation in dilations)
        self.head = convolution(width, 3)
        # Near zero, so that training starts from the prior and not from noise.
        nn.init.normal_(self.head.weight, std=1e-5)

    def forward(self, prior: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Return the correction (N,3,H,W), at the picture's size, and the features (N,width,H/8,W/8).

        ``prior`` is (N,3,H,W) 0..1, ``hole`` (N,1,H,W) 0/1; H and W are multiples of 8.
        """
        small = shrink_hole(hole, 8)
        features = self.stem(F.pixel_unshuffle(torch.cat([prior - 0.5, hole], dim=1), 4))
        features = activate(self.norm(features, small))
        for block in self.blocks:
            features = block(features, small)
        correction = self.head(activate(features))
        wide = F.interpolate(correction.float(), scale_factor=8.0, mode="bilinear", align_corners=False)
        return wide, features
