"""Noise in the hole, from which the sharp variant makes texture: from smooth input a network makes none."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

SIDE = 512
"""Side of the tile in pixels; wider pictures see it repeated."""

OCTAVES = 4
"""Number of grain sizes: single pixels, and blurred by 1, 2 and 4, of equal strength. Fine grain is gone at 1/8."""


class NoiseTile(nn.Module):
    """A fixed tile of noise, mean 0 and standard deviation 1, the same on every machine and in every export."""

    tile: Tensor

    def __init__(self, seed: int = 2020) -> None:
        super().__init__()
        white = np.fft.rfft2(np.random.default_rng(seed).standard_normal((OCTAVES, SIDE, SIDE)))
        squared = np.fft.fftfreq(SIDE)[:, None] ** 2 + np.fft.rfftfreq(SIDE)[None] ** 2
        summed = np.zeros((SIDE, SIDE))
        for octave, spectrum in enumerate(white):
            sigma = 2.0 ** (octave - 1) if octave else 0.0
            # Blurred equally in all directions: blocks, even smoothed ones, reappear in the fill as a weave.
            grain = np.fft.irfft2(spectrum * np.exp(-2.0 * (np.pi * sigma) ** 2 * squared), s=(SIDE, SIDE))
            summed += grain / grain.std()
        summed = (summed - summed.mean()) / summed.std()
        # Part of the code and not learned, so not in the weights files.
        self.register_buffer("tile", torch.from_numpy(summed.astype(np.float32))[None, None], persistent=False)

    def forward(self, hole: Tensor) -> Tensor:
        """Return noise (N,1,H,W) within holes (N,1,H,W) 0/1, zero elsewhere.

        In training each picture gets another part of the tile, which its hole decides, so that a resumed run draws
        the same.
        """
        rows, columns = (torch.arange(side, device=hole.device) % SIDE for side in hole.shape[-2:])
        part = self.tile[:, :, rows][:, :, :, columns]
        if self.training:
            moves = (hole.sum(dim=(1, 2, 3)) * 7).long().tolist()
            part = torch.cat([part.roll((move, 3 * move), (2, 3)) for move in moves])
        return part * hole
