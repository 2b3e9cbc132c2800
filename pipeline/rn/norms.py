"""What can stand in the place of Region Normalization: scales without statistics, other normalisations, none."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.regions import EPSILON, normalise_regions

RegionNorm = BasicRegionNorm | LearnedRegionNorm


class RegionAffine(BasicRegionNorm):
    """RN-B without its statistics: hole and known region each with a learned scale and shift per channel."""

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the scaled map, (N,C,H,W)."""
        return normalise_regions(
            values, hole, self.hole_scale, self.hole_shift, self.known_scale, self.known_shift, statistics=False
        )


class Affine(nn.Module):
    """No normalisation, the learned scale and shift per channel alone, so that blocks still begin small."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), scale))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, values: Tensor, hole: Tensor | None = None) -> Tensor:
        """Return the map (N,C,H,W), scaled and shifted; the hole is ignored."""
        return torch.addcmul(self.shift.to(values.dtype), values, self.scale.to(values.dtype))


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy, 2015): statistics of the whole batch, running ones for evaluation."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__(channels, eps=EPSILON)
        nn.init.constant_(self.weight, scale)

    def forward(self, values: Tensor, hole: Tensor | None = None) -> Tensor:
        """Return the normalised map, (N,C,H,W); the hole is ignored."""
        return super().forward(values)


class InstanceNorm(Affine):
    """Instance normalisation (Ulyanov et al., 2016): statistics of each whole map.

    Computed as a region normalisation whose hole is empty, which is the same, so that both take the same kernel.
    """

    def forward(self, values: Tensor, hole: Tensor | None = None) -> Tensor:
        """Return the normalised map, (N,C,H,W); the hole is ignored."""
        nowhere = values.new_zeros((values.shape[0], 1, *values.shape[2:]), dtype=torch.float32)
        return normalise_regions(values, nowhere, self.scale, self.shift, self.scale, self.shift)


def channels_of(norm: RegionNorm) -> int:
    """Return the channels of the maps that a region normalisation takes."""
    return norm.known_scale.shape[1] if isinstance(norm, BasicRegionNorm) else norm.scale.out_channels


def initial_scale(norm: RegionNorm) -> float:
    """Return the scale that an untrained region normalisation begins with."""
    return norm.known_scale.flatten()[0].item() if isinstance(norm, BasicRegionNorm) else 1.0


def affine_of(norm: RegionNorm) -> Affine:
    """Return what is left of an untrained region normalisation without regions and statistics."""
    return Affine(channels_of(norm), initial_scale(norm))


def without_statistics(norm: RegionNorm) -> nn.Module:
    """Return what is left of an untrained RN-B without statistics, its regions' scales; of RN-L, a scale."""
    if isinstance(norm, BasicRegionNorm):
        return RegionAffine(channels_of(norm), scale=initial_scale(norm))
    return affine_of(norm)


Choice = Callable[[str, RegionNorm], nn.Module]
"""Returns what stands in the place of a region normalisation, itself included, by its dotted name in the network."""

NORMS: dict[str, Choice] = {
    "coarse": lambda name, norm: norm if name.startswith("coarse.") else without_statistics(norm),
    "batch": lambda _, norm: BatchNorm(channels_of(norm), initial_scale(norm)),
    "instance": lambda _, norm: InstanceNorm(channels_of(norm), initial_scale(norm)),
    "none": lambda _, norm: affine_of(norm),
}
"""By the name that a configuration gives. ``coarse`` is RN-B in the coarse net and scales in the refinement net; the
others are the ablation's (``benchmarks/ablation``)."""


def replace_norms(network: nn.Module, choose: Choice) -> None:
    """Put what ``choose`` returns in the place of every region normalisation of an untrained network."""
    found = [
        (name, one) for name, one in network.named_modules() if isinstance(one, BasicRegionNorm | LearnedRegionNorm)
    ]
    for name, norm in found:
        parent, _, key = name.rpartition(".")
        setattr(network.get_submodule(parent), key, choose(name, norm))
