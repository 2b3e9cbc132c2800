"""Noise in the hole, which the sharp variant makes texture of: from what is smooth no network draws the unforeseen."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 512
"""Side of the tile in pixels; what is wider sees it repeated."""

OCTAVES = 4
"""Sizes of its grain: 1, 2, 4 and 8 pixels, alike in strength. Finer grain alone would be gone at 1/8."""


class NoiseTile(nn.Module):
    """A fixed tile of noise, mean 0 and standard deviation 1, the same on every machine and in every export."""

    tile: Tensor

    def __init__(self, seed: int = 2020) -> None:
        super().__init__()
        drawn = np.random.default_rng(seed)
        tile = torch.zeros(1, 1, SIDE, SIDE)
        for octave in range(OCTAVES):
            side = SIDE >> octave
            grain = torch.from_numpy(drawn.standard_normal((1, 1, side, side), dtype=np.float32))
            grain = F.interpolate(grain, size=(SIDE, SIDE), mode="bilinear")  # blocks would be seen as a weave
            tile = tile + grain / grain.std()
        # Part of the code, not of what is learned: no weights file holds it.
        self.register_buffer("tile", (tile - tile.mean()) / tile.std(), persistent=False)

    def forward(self, hole: Tensor) -> Tensor:
        """Noise (N,1,H,W) within holes (N,1,H,W) 0/1, zero elsewhere.

        In training each picture gets another part of the tile, which its hole decides, so that a resumed run draws
        the same.
        """
        rows, columns = (torch.arange(side, device=hole.device) % SIDE for side in hole.shape[-2:])
        part = self.tile[:, :, rows][:, :, :, columns]
        if self.training:
            moves = (hole.sum(dim=(1, 2, 3)) * 7).long().tolist()
            part = torch.cat([part.roll((move, 3 * move), (2, 3)) for move in moves])
        return part * hole
