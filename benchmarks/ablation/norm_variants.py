"""Normalisations that only the ablation uses: the published definition, parts of ours, mixtures with none."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.learned import THRESHOLD, LearnedRegionNorm
from pipeline.rn.norms import (
    NORMS,
    Choice,
    RegionNorm,
    affine_of,
    channels_of,
    initial_scale,
    replace_norms,
    without_statistics,
)

PUBLISHED_EPSILON = 1e-5
SURE = 3.0
"""Logit of a mixture's share at first: .95 of the side that it begins at."""


def published_normalise(values: Tensor, region: Tensor, *, over_batch: bool) -> Tensor:
    """Return the map (N,C,H,W), the region (N,1,H,W) 0/1 and the rest each normalised without affine.

    Yu et al., AAAI 2020, equations 1 to 6: mean and variance over the pixels of a region, without pseudo-pixels.

    Args:
        values: the map.
        region: 1 in the first region.
        over_batch: statistics over all pictures of the batch, as the authors' experiments have them, or per picture.
    """
    exact = values.float()
    axes = (0, 2, 3) if over_batch else (2, 3)
    result = torch.zeros_like(exact)
    for part in (region.float(), 1.0 - region.float()):
        count = part.sum(dim=axes, keepdim=True).clamp_min(1.0)
        mean = (exact * part).sum(dim=axes, keepdim=True) / count
        centred = (exact - mean) * part
        variance = centred.square().sum(dim=axes, keepdim=True) / count
        result = result + centred * torch.rsqrt(variance + PUBLISHED_EPSILON)
    return result.to(values.dtype)


class PublishedBasic(BasicRegionNorm):
    """RN-B as published: no pseudo-pixels."""

    def __init__(self, channels: int, *, scale: float, over_batch: bool) -> None:
        super().__init__(channels, scale=scale)
        self.over_batch = over_batch

    def forward(self, values: Tensor, hole: Tensor) -> Tensor:
        """Return the normalised map, (N,C,H,W); equation 7."""
        plain = published_normalise(values, hole, over_batch=self.over_batch)
        scale = torch.where(hole > 0.5, self.hole_scale, self.known_scale)
        shift = torch.where(hole > 0.5, self.hole_shift, self.known_shift)
        return (plain * scale + shift).to(values.dtype)


class PublishedLearned(LearnedRegionNorm):
    """RN-L as published: the response is not centred, its bias begins at 0, no pseudo-pixels, a step as threshold."""

    def __init__(self, channels: int, *, over_batch: bool) -> None:
        super().__init__(channels)
        self.over_batch = over_batch
        nn.init.zeros_(self.response.bias)  # type: ignore[arg-type]

    def forward(self, values: Tensor) -> Tensor:
        """Return the normalised map, (N,C,H,W); equations 8 and 9."""
        summary = torch.cat([values.mean(dim=1, keepdim=True), values.amax(dim=1, keepdim=True)], dim=1).float()
        response = torch.sigmoid(self.response(summary))
        region = (response.detach() >= THRESHOLD).float()
        plain = published_normalise(values, region, over_batch=self.over_batch)
        scaled: Tensor = plain * self.scale(response) + self.shift(response)
        return scaled


class Mixture(nn.Module):
    """Per channel a learned share of Region Normalization, the rest without normalisation."""

    def __init__(self, norm: RegionNorm, begins: float) -> None:
        super().__init__()
        self.norm = norm
        self.plain = affine_of(norm)
        self.logit = nn.Parameter(torch.full((1, channels_of(norm), 1, 1), begins))

    def forward(self, values: Tensor, *hole: Tensor) -> Tensor:
        """Return the map (N,C,H,W) between both."""
        share = torch.sigmoid(self.logit).to(values.dtype)
        return torch.lerp(self.plain(values), self.norm(values, *hole).to(values.dtype), share)


def _published(norm: RegionNorm, over_batch: bool) -> nn.Module:
    if isinstance(norm, LearnedRegionNorm):
        return PublishedLearned(channels_of(norm), over_batch=over_batch)
    return PublishedBasic(channels_of(norm), scale=initial_scale(norm), over_batch=over_batch)


def _is_first(name: str) -> bool:
    return name.startswith(("refine.stem_norm", "refine.half_blocks", "refine.quarter_norm", "refine.quarter_blocks"))


VARIANTS: dict[str, Choice] = {
    "published": lambda name, norm: _published(norm, over_batch=True),
    "published_picture": lambda name, norm: _published(norm, over_batch=False),
    "basic": lambda name, norm: norm if isinstance(norm, BasicRegionNorm) else affine_of(norm),
    "learned": lambda name, norm: norm if isinstance(norm, LearnedRegionNorm) else affine_of(norm),
    "first": lambda name, norm: norm if _is_first(name) else affine_of(norm),
    "affine": lambda name, norm: without_statistics(norm),
    "affine_learned": lambda name, norm: norm if isinstance(norm, LearnedRegionNorm) else without_statistics(norm),
    "unsettled": lambda name, norm: affine_of(norm) if name.endswith(".settle") else norm,
    "mixture_rn": lambda name, norm: Mixture(norm, SURE),
    "mixture_none": lambda name, norm: Mixture(norm, -SURE),
}


def apply_norm(network: nn.Module, name: str) -> None:
    """Give a network the normalisation of a cell in place of every RN-B and RN-L.

    Args:
        network: with this project's region normalisation.
        name: `region` leaves it as it is; a key of `NORMS` or of `VARIANTS`.

    Raises:
        ValueError: an unknown name.
    """
    if name == "region":
        return
    choices = NORMS | VARIANTS
    if name not in choices:
        raise ValueError(f"there is no normalisation {name!r}")
    replace_norms(network, choices[name])
