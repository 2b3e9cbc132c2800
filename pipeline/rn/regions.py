"""Statistics and normalisation of the two regions of a picture: the hole and what is known around it.

Region Normalization, Yu et al., AAAI 2020 (arXiv 1911.10375), section 3: each channel is normalised over the pixels
of one region of one picture only.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-4
PSEUDO_PIXELS = 4.0
"""How many pixels of the whole map's statistics are mixed into each region's.

A scratch one pixel wide is a handful of cells at 1/8 scale; its own variance would be near zero and its normalised
values would explode. The same term makes an empty region harmless."""


class Normalise(Protocol):
    """The signature of :func:`normalise_regions`."""

    def __call__(
        self,
        values: Tensor,
        hole: Tensor,
        hole_scale: Tensor,
        hole_shift: Tensor,
        known_scale: Tensor,
        known_shift: Tensor,
    ) -> Tensor: ...


fused: Normalise | None = None
"""A compiled replacement for training in bf16 on the CPU; set by ``pipeline.rn.fused.enable``."""


def shrink_hole(hole: Tensor, factor: int) -> Tensor:
    """The hole (N,1,H,W) 0/1 at 1/``factor`` of its side: a cell is hole when any of its pixels is.

    By maximum, never by nearest neighbour: a scratch one pixel wide would vanish. H and W must be multiples of
    ``factor``.
    """
    return F.max_pool2d(hole, factor)


def _moments(values: Tensor, squares: Tensor, region: Tensor, mean: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (N,C,1,1) of one region, shrunk towards the whole map's."""
    count = region.sum(dim=(2, 3), keepdim=True) + PSEUDO_PIXELS
    region_mean = ((values * region).sum(dim=(2, 3), keepdim=True) + PSEUDO_PIXELS * mean) / count
    region_second = ((squares * region).sum(dim=(2, 3), keepdim=True) + PSEUDO_PIXELS * second) / count
    return region_mean, (region_second - region_mean * region_mean).clamp_min(0.0)


def region_statistics(values: Tensor, hole: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean and variance of the hole, then of the known region, each (N,C,1,1) float32.

    ``values`` is (N,C,H,W) float32, ``hole`` (N,1,H,W) float32 0/1. One pass over the map: sums of the values and
    of their squares; the variance is clamped at 0 because that difference may round below it.
    """
    squares = values * values
    mean = values.mean(dim=(2, 3), keepdim=True)
    second = squares.mean(dim=(2, 3), keepdim=True)
    hole_mean, hole_variance = _moments(values, squares, hole, mean, second)
    known_mean, known_variance = _moments(values, squares, 1.0 - hole, mean, second)
    return hole_mean, hole_variance, known_mean, known_variance


def normalise_regions(
    values: Tensor,
    hole: Tensor,
    hole_scale: Tensor,
    hole_shift: Tensor,
    known_scale: Tensor,
    known_shift: Tensor,
) -> Tensor:
    """The map (N,C,H,W) with each region normalised by itself and given its own affine, in the dtype of ``values``.

    Scales and shifts are (1,C,1,1). The arithmetic is float32 whatever the map's dtype, also under autocast: sums
    over a map in bf16 lose the mean.
    """
    if fused is not None and torch.is_grad_enabled() and values.dtype == torch.bfloat16 and values.device.type == "cpu":
        return fused(values, hole, hole_scale, hole_shift, known_scale, known_shift)
    exact = values.float()
    region = hole.float()
    hole_mean, hole_variance, known_mean, known_variance = region_statistics(exact, region)
    hole_gain = hole_scale * torch.rsqrt(hole_variance + EPSILON)
    known_gain = known_scale * torch.rsqrt(known_variance + EPSILON)
    hole_offset = hole_shift - hole_mean * hole_gain
    known_offset = known_shift - known_mean * known_gain
    gain = known_gain + region * (hole_gain - known_gain)
    offset = known_offset + region * (hole_offset - known_offset)
    return (exact * gain + offset).to(values.dtype)
