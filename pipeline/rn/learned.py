"""RN-L: learnable region normalisation, for layers where the hole is already partly filled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.rn.regions import EPSILON, normalise_regions

THRESHOLD = 0.8

RAMP = 0.2
"""Width of the threshold where a trained network fills: from .7 to .9 a pixel passes from one region to the other.

At a step, rounding throws pixels from region to region: fills in bf16 differed from those in float32 by up to 8 grey
levels and two in float32 by up to 20, on the ramp by 2 and less, and are as good (see ``docs/results/trials.md``)."""


class LearnedRegionNorm(nn.Module):
    """Find a region from the map's response, normalise both parts, and scale them pixel by pixel.

    Yu et al., AAAI 2020, equations 8 and 9: the response is sigmoid(conv 7x7 [mean over channels; maximum over
    channels]), the region is where it reaches 0.8 (no gradient through the threshold), and convolutions of the
    response give a scale and a shift per pixel and channel. Three things are this project's: mean and maximum are
    brought to zero mean and unit deviation before the convolution, its bias starts at the threshold, and the
    threshold is a step in training only (see ``RAMP``). Input and output (N,C,H,W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.response = nn.Conv2d(2, 1, 7, padding=3)
        self.scale = nn.Conv2d(1, channels, 3, padding=1)
        self.shift = nn.Conv2d(1, channels, 3, padding=1)
        # The bias starts at the threshold's logit (1.386), so that both regions exist in the first step.
        nn.init.constant_(self.response.bias, 1.386)  # type: ignore[arg-type]
        for convolution in (self.scale, self.shift):
            nn.init.normal_(convolution.weight, std=0.02)
        nn.init.ones_(self.scale.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.shift.bias)  # type: ignore[arg-type]
        self.register_buffer("one", torch.ones(1, 1, 1, 1), persistent=False)
        self.register_buffer("zero", torch.zeros(1, 1, 1, 1), persistent=False)

    one: Tensor
    zero: Tensor

    def _respond(self, values: Tensor) -> Tensor:
        summary = torch.cat([values.mean(dim=1, keepdim=True), values.amax(dim=1, keepdim=True)], dim=1).float()
        # To zero mean and unit deviation over the picture: the maximum over channels is positive and large, the
        # response would be 1 everywhere after some hundred steps, and there would be one region only.
        centred = summary - summary.mean(dim=(2, 3), keepdim=True)
        summary = centred * torch.rsqrt(centred.square().mean(dim=(2, 3), keepdim=True) + EPSILON)
        return torch.sigmoid(self.response(summary))

    def _region(self, response: Tensor) -> Tensor:
        if self.training:
            return (response >= THRESHOLD).float()
        return ((response - THRESHOLD) / RAMP + 0.5).clamp(0.0, 1.0)

    def forward(self, values: Tensor) -> Tensor:
        """Return the normalised map, (N,C,H,W)."""
        response = self._respond(values)
        plain = normalise_regions(values, self._region(response.detach()), self.one, self.zero, self.one, self.zero)
        scaled: Tensor = plain * self.scale(response) + self.shift(response)
        return scaled
