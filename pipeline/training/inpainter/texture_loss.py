"""The texture loss of the sharp variant: compares textures regardless of where their details are."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FILTERS, SIDE = 24, 5
"""Number of random filters, and the side of each in pixels."""
SCALES = 3
"""Full, half and quarter size: a filter covers 5, 10 and 20 pixels."""
BLOCK = 16
"""Side in pixels of the squares that are compared, at each scale: texture varies over a photograph."""
NO_TEXTURE = 1e-4
"""Filter energy below which there is no texture: a hundredth of the range, squared."""


class TextureDistance(nn.Module):
    """Distance between the Gram matrices of random filters' responses, square by square.

    A Gram matrix (Gatys et al., NeurIPS 2015) describes how strong filters respond and which respond together, not
    where: displaced texture costs nothing, blur does. One layer of random filters suffices to distinguish textures
    (Ustyuzhaninov et al., ICLR 2017, arXiv 1606.00021). Matrices are taken as amplitudes, so that the distance has the
    unit of the pixels.
    """

    bank: Tensor

    def __init__(self, seed: int = 2017) -> None:
        super().__init__()
        drawn = np.random.default_rng(seed).standard_normal((FILTERS, 3, SIDE, SIDE), np.float32)
        drawn -= drawn.mean(axis=(1, 2, 3), keepdims=True)  # brightness is not texture
        drawn /= np.sqrt(np.square(drawn).sum(axis=(1, 2, 3), keepdims=True))
        self.register_buffer("bank", torch.from_numpy(drawn), persistent=False)

    def forward(self, output: Tensor, target: Tensor, hole: Tensor, shift: int = 0) -> Tensor:
        """Return the distance, scalar, in the pixels' unit (0..1); squares are weighted by their share of hole.

        ``output`` and ``target`` are (N,3,H,W) float32, ``hole`` (N,1,H,W) 0/1, H and W at least 16; scales at which
        they are smaller are left out. ``shift`` moves the squares by so many pixels: change it with each step, so that
        their borders do not become visible.
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
        """Return Gram matrices (N,squares,FILTERS,FILTERS) of pictures (N,3,H,W), over the root of their energy."""
        responses = F.relu(F.conv2d(F.pad(pictures, (SIDE // 2,) * 4, mode="replicate"), self.bank))
        squares = responses.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
        flat = squares.permute(0, 2, 3, 1, 4, 5).flatten(4).flatten(1, 2)
        grams: Tensor = flat @ flat.transpose(2, 3) / BLOCK**2
        energy = grams.diagonal(dim1=2, dim2=3).mean(dim=2)[..., None, None]
        return grams / (energy + NO_TEXTURE).sqrt()
