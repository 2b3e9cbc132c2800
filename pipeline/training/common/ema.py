"""Means of weights: the moving average that is evaluated and shipped, and the mean of two networks."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from pipeline.rn.generator import Generator

Module = TypeVar("Module", bound=nn.Module)


def averaged_copy(module: Module) -> Module:
    """A copy of the module in eval mode, without gradients, to hold the average."""
    copied = copy.deepcopy(module).eval()
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
    return copied


def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Move the average towards the module: average = decay x average + (1 - decay) x module, in place."""
    with torch.no_grad():
        torch._foreach_lerp_(
            [parameter.data for parameter in average.parameters()],
            [parameter.detach() for parameter in module.parameters()],
            1.0 - decay,
        )


def interpolate_weights(module: Module, other: nn.Module, share: float = 0.5) -> Module:
    """A copy of the module in eval mode: ``share`` of its own weights, the rest another's of its shape.

    Where one went on from the other, the mean is often better than both on pictures unlike those trained on (Wortsman
    et al., CVPR 2022). Statistics of normalisations are averaged likewise. Raises ``ValueError`` for other shapes.
    """
    state = other.state_dict()
    mean = averaged_copy(module)
    with torch.no_grad():
        for name, value in mean.state_dict().items():
            if name not in state or state[name].shape != value.shape:
                raise ValueError(f"networks of two shapes have no mean: {name}")
            if value.is_floating_point():
                value.lerp_(state[name], 1.0 - share)
    return mean


def interpolate_generators(generator: Generator, other: Generator, share: float) -> Generator:
    """The mean of two generators as :func:`interpolate_weights` makes it, in eval mode.

    Its noise is the mean of theirs, and it enlarges smoothly where one of them does. Between a faithful network and
    the sharp one that went on from it lies every degree of sharpness (Wang et al.,
    ESRGAN, ECCV workshops 2018, section 3.4). Raises ``ValueError`` for other shapes.
    """
    noise = share * generator.config.noise + (1.0 - share) * other.config.noise
    smooth = generator.config.smooth or other.config.smooth
    mean = Generator(replace(generator.config, noise=noise, smooth=smooth))
    mean.load_state_dict(interpolate_weights(generator, other, share).state_dict())
    return mean.to(next(generator.parameters()).device).eval()
