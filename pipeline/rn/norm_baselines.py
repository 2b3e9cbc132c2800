"""Baselines for Region Normalization: the same network with another normalisation, or with none.

Only the ablation uses them (``benchmarks/ablation``); shipped networks normalise by region.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.regions import EPSILON, normalise_regions


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy, 2015): statistics of the whole batch, running ones for evaluation."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__(channels, eps=EPSILON)
        nn.init.constant_(self.weight, scale)

    def forward(self, values: Tensor, hole: Tensor | None = None) -> Tensor:
        """Return the normalised map, (N,C,H,W); the hole is ignored."""
        return super().forward(values)


class Affine(nn.Module):
    """No normalisation, the learned scale and shift per channel alone, so that blocks still begin small."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), scale))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, values: Tensor, hole: Tensor | None = None) -> Tensor:
        """Return the map (N,C,H,W), scaled and shifted; the hole is ignored."""
        return torch.addcmul(self.shift.to(values.dtype), values, self.scale.to(values.dtype))


class InstanceNorm(Affine):
    """Instance normalisation (Ulyanov et al., 2016): statistics of each whole map.

    Computed as a region normalisation whose hole is empty, which is the same, so that both take the same kernel.
    """

    def forward(self, values: Tensor, hole: Tensor | None = None) -> Tensor:
        """Return the normalised map, (N,C,H,W); the hole is ignored."""
        nowhere = values.new_zeros((values.shape[0], 1, *values.shape[2:]), dtype=torch.float32)
        return normalise_regions(values, nowhere, self.scale, self.shift, self.scale, self.shift)


NORM_BASELINES: dict[str, type[BatchNorm] | type[Affine]] = {
    "batch": BatchNorm,
    "instance": InstanceNorm,
    "none": Affine,
}
"""By the name that a configuration gives; ``region`` is the network as it is."""


def replace_norms(network: nn.Module, name: str) -> None:
    """Put a baseline in place of every region normalisation of a network, RN-B and RN-L, with its initial scale.

    Raises:
        ValueError: the name is not in :data:`NORM_BASELINES`.
    """
    if name not in NORM_BASELINES:
        raise ValueError(f"there is no normalisation {name!r}; there are region, {', '.join(NORM_BASELINES)}")
    baseline = NORM_BASELINES[name]
    for module in list(network.modules()):
        for key, child in module.named_children():
            if isinstance(child, BasicRegionNorm):
                setattr(module, key, baseline(child.known_scale.shape[1], child.known_scale.flatten()[0].item()))
            elif isinstance(child, LearnedRegionNorm):
                setattr(module, key, baseline(child.scale.out_channels))
