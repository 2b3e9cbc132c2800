"""How alike two textures are, wherever their details lie: what the fill of the sharp variant is held to."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FILTERS, SIDE = 24, 5
"""Random filters and the pixels of a side of each."""
SCALES = 3
"""The picture, its half and its quarter: a filter sees 5, 10 and 20 pixels."""
BLOCK = 16
"""Side of the squares that are compared, at each scale: texture is not the same all over a photograph."""
STILL = 1e-4
"""Energy under which an answer is stillness rather than texture: a hundredth of the range, squared."""


class TextureDistance(nn.Module):
    """Distance of the Gram matrices of random filters' answers, square by square.

    What a matrix (Gatys et al., NeurIPS 2015) knows is how strong each filter answers and which answer together, not
    where: texture that lies elsewhere than the lost one costs nothing, and blur does. One layer of random filters is
    enough to tell textures apart (Ustyuzhaninov et al., ICLR 2017, arXiv 1606.00021). Taken as amplitudes, so that
    the distance has the measure of the pixels.
    """

    bank: Tensor

    def __init__(self, seed: int = 2017) -> None:
        super().__init__()
        drawn = np.random.default_rng(seed).standard_normal((FILTERS, 3, SIDE, SIDE), np.float32)
        drawn -= drawn.mean(axis=(1, 2, 3), keepdims=True)  # brightness is no texture
        drawn /= np.sqrt(np.square(drawn).sum(axis=(1, 2, 3), keepdims=True))
        self.register_buffer("bank", torch.from_numpy(drawn), persistent=False)

    def forward(self, output: Tensor, target: Tensor, hole: Tensor, shift: int = 0) -> Tensor:
        """The distance, scalar, in amplitudes of the range 0..1: each square by the share of it that is hole.

        ``output`` and ``target`` are (N,3,H,W) float32, ``hole`` (N,1,H,W) 0/1, H and W at least 16; scales at which
        they are smaller are left out. ``shift`` moves the squares by so many pixels: let it change from step to step,
        lest their borders become part of the picture.
        """
        pair = torch.cat([output, target])
        distances = []
        for scale in range(SCALES):
            if scale:
                pair, hole = F.avg_pool2d(pair, 2), F.avg_pool2d(hole, 2)
            if min(hole.shape[-2:]) < BLOCK:
                break
            at = (shift >> scale) % BLOCK if min(hole.shape[-2:]) >= 2 * BLOCK else 0
            filled, real = self._grams(pair[..., at:, at:]).chunk(2)
            share = F.avg_pool2d(hole[..., at:, at:], BLOCK).flatten(1)
            distances.append(((filled - real).abs().mean(dim=(2, 3)) * share).sum() / (share.sum() + 1.0))
        return torch.stack(distances).mean()

    def _grams(self, pictures: Tensor) -> Tensor:
        """The matrices (N,squares,FILTERS,FILTERS), over the root of their energy, of pictures (N,3,H,W)."""
        answers = F.relu(F.conv2d(F.pad(pictures, (SIDE // 2,) * 4, mode="replicate"), self.bank))
        squares = answers.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
        flat = squares.permute(0, 2, 3, 1, 4, 5).flatten(4).flatten(1, 2)
        grams: Tensor = flat @ flat.transpose(2, 3) / BLOCK**2
        energy = grams.diagonal(dim1=2, dim2=3).mean(dim=2)[..., None, None]
        return grams / (energy + STILL).sqrt()
