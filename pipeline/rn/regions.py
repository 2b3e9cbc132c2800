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
        *,
        statistics: bool = True,
    ) -> Tensor: ...


fused: Normalise | None = None
"""A compiled replacement for training on the CPU; set by ``pipeline.rn.fused.enable``."""


def shrink_hole(hole: Tensor, factor: int) -> Tensor:
    """Return the hole (N,1,H,W) 0/1 at 1/``factor`` of its side: a cell is hole when any of its pixels is.

    By maximum, never by nearest neighbour: a scratch one pixel wide would vanish. H and W must be multiples of
    ``factor``.
    """
    return F.max_pool2d(hole, factor)


def _moments(sums: Tensor, squares: Tensor, count: Tensor, mean: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance (N,C,1,1) of one region from its sums, shrunk towards the whole map's."""
    count = count + PSEUDO_PIXELS
    region_mean = (sums + PSEUDO_PIXELS * mean) / count
    region_second = (squares + PSEUDO_PIXELS * second) / count
    return region_mean, (region_second - region_mean * region_mean).clamp_min(0.0)


def region_statistics(values: Tensor, hole: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return mean and variance of the hole, then of the known region, each (N,C,1,1) float32.

    ``values`` is (N,C,H,W) float32, ``hole`` (N,1,H,W) float32, 0..1: how far a pixel belongs to the hole. One pass
    over the map: sums of the values and of their squares, over all of it and over the hole; the known region has the
    rest. The variance is clamped at 0 because a difference of sums may round below it.
    """
    inside = values * hole
    sums, squares, area = _total(values), _total(values * values), _total(torch.ones_like(hole))
    hole_sums, hole_squares, hole_area = _total(inside), _total(inside * values), _total(hole)
    whole = (sums / area, squares / area)
    return (
        *_moments(hole_sums, hole_squares, hole_area, *whole),
        *_moments(sums - hole_sums, squares - hole_squares, area - hole_area, *whole),
    )


def _total(plane: Tensor) -> Tensor:
    return plane.sum(dim=(2, 3), keepdim=True)


def normalise_regions(
    values: Tensor,
    hole: Tensor,
    hole_scale: Tensor,
    hole_shift: Tensor,
    known_scale: Tensor,
    known_shift: Tensor,
    *,
    statistics: bool = True,
) -> Tensor:
    """Return the map (N,C,H,W), each region normalised separately with its own affine, in the dtype of ``values``.

    Scales and shifts are (1,C,1,1). The arithmetic is float32 whatever the map's dtype, also under autocast: sums
    over a map in bf16 lose the mean. Without ``statistics`` each region has its affine alone.
    """
    if (
        fused is not None
        and torch.is_grad_enabled()
        and values.device.type == "cpu"
        and values.dtype in (torch.float32, torch.bfloat16)
    ):
        return fused(values, hole, hole_scale, hole_shift, known_scale, known_shift, statistics=statistics)
    exact = values.float()
    region = hole.float()
    if statistics:
        hole_mean, hole_variance, known_mean, known_variance = region_statistics(exact, region)
        hole_scale = hole_scale * torch.rsqrt(hole_variance + EPSILON)
        known_scale = known_scale * torch.rsqrt(known_variance + EPSILON)
        hole_shift = hole_shift - hole_mean * hole_scale
        known_shift = known_shift - known_mean * known_scale
    # In this order each line is one pass over the map, for backends that join a product and a sum.
    known = exact * known_scale + known_shift
    difference = exact * (hole_scale - known_scale) + (hole_shift - known_shift)
    return (difference * region + known).to(values.dtype)
