"""The moving average of the weights, which is what is evaluated and shipped."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def averaged_copy(module: Module) -> Module:
    """A copy of the module in eval mode, without gradients, to hold the average."""
    copied = copy.deepcopy(module).eval()
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
    return copied


def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Moves the average towards the module: average = decay x average + (1 - decay) x module, in place."""
    with torch.no_grad():
        torch._foreach_lerp_(
            [parameter.data for parameter in average.parameters()],
            [parameter.detach() for parameter in module.parameters()],
            1.0 - decay,
        )
