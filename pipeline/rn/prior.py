"""The priors: smooth fills of the hole from the known pixels around it, without any weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.rn.chebyshev import chebyshev_steps

SMOOTHING_STEPS = 6
GREY = 0.5
"""Value that fills a picture without a single known pixel."""


def _pull(value: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the next coarser level: the mean of the known pixels of each 2x2 cell, and how much of it is known."""
    height, width = value.shape[-2], value.shape[-1]
    if height % 2 or width % 2:
        pad = (0, width % 2, 0, height % 2)
        value, weight = F.pad(value, pad), F.pad(weight, pad)
    known = F.avg_pool2d(weight, 2)
    mean = F.avg_pool2d(value * weight, 2) / known.clamp_min(1e-6)
    # A cell with one known pixel counts as known: its neighbours then only have to fill true gaps.
    return torch.where(known > 0, mean, torch.zeros_like(mean)), (known > 0).to(value.dtype)


def _smooth(value: Tensor, missing: Tensor) -> Tensor:
    """Return the map after a Jacobi step of Laplace's equation: missing pixels become their four neighbours' mean."""
    around = F.pad(value, (1, 1, 1, 1), mode="replicate")
    mean = 0.25 * (around[..., :-2, 1:-1] + around[..., 2:, 1:-1] + around[..., 1:-1, :-2] + around[..., 1:-1, 2:])
    return torch.where(missing, mean, value)


def push_pull(image: Tensor, hole: Tensor) -> Tensor:
    """Return the pictures (N,3,H,W) float32 with their holes filled smoothly; known pixels do not change.

    Multigrid harmonic fill: known pixels are averaged downwards, level by level, until nothing is missing; on the
    way back each level's gaps take the coarser level's value and are smoothed by a few Jacobi steps of Laplace's
    equation. ``hole`` is (N,1,H,W), above 0.5 where the picture is missing; what ``image`` holds there is never
    looked at and may be anything, NaN included. Each picture is filled from itself alone. A picture without a known
    pixel comes back grey. Gradients are not needed and not kept.
    """
    with torch.no_grad(), torch.autocast(device_type=image.device.type, enabled=False):
        missing = hole > 0.5
        # Contiguous planes: shifting by a pixel is then a plain move of memory.
        value = torch.where(missing, torch.zeros_like(image), image).float().contiguous()
        weight = (~missing).to(torch.float32).contiguous()
        levels = [(value, weight)]
        while max(value.shape[-2:]) > 1:
            value, weight = _pull(value, weight)
            levels.append((value, weight))
        value, weight = levels[-1]
        filled = torch.where(weight > 0, value, torch.full_like(value, GREY))
        for value, weight in reversed(levels[:-1]):
            height, width = value.shape[-2], value.shape[-1]
            wide = F.interpolate(filled, scale_factor=2.0, mode="bilinear", align_corners=False)
            gap = weight <= 0
            filled = torch.where(gap, wide[..., :height, :width], value)
            for _ in range(SMOOTHING_STEPS):
                filled = _smooth(filled, gap)
        return torch.where(missing, filled.to(image.dtype), image)


def biharmonic_refine(filled: Tensor, region: Tensor, steps: int) -> Tensor:
    """Return the pictures (N,3,H,W) float32 whose filled holes are refined towards the biharmonic (thin-plate) fill.

    A harmonic fill is a membrane: it meets the known pixels with a kink, and a line that crosses a scratch sags in
    it. A thin plate, the biharmonic fill, continues their slope, which is nearer to the truth across a few pixels
    and further from it across many. So few ``steps`` of the Chebyshev iteration (see :mod:`pipeline.rn.chebyshev`)
    that narrow holes arrive there and wide ones stay harmonic but for their rim. Each pixel follows from those within
    twice as many pixels as there are steps. ``region`` is (N,1,H,W), 1 in the hole and 0 elsewhere. With no steps
    ``filled`` comes back.
    """
    filled = filled.contiguous()  # contiguous planes, as in ``push_pull``
    change = torch.zeros_like(filled)
    for momentum, step in chebyshev_steps(steps):
        change = momentum * change - step * region * _laplacian(_laplacian(filled))
        filled = filled + change
    return filled


def _laplacian(value: Tensor) -> Tensor:
    """Return the five-point Laplacian, the border's pixels repeated."""
    around = F.pad(value, (1, 1, 1, 1), mode="replicate")
    result = around[..., :-2, 1:-1] + around[..., 2:, 1:-1]
    result += around[..., 1:-1, :-2]
    result += around[..., 1:-1, 2:]
    return result.sub_(value, alpha=4)
