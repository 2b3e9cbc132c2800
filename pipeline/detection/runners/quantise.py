"""Make a detector's network compute in 8-bit integers, without any pictures to calibrate it with."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipeline.detection.network import DetectorNet

#: What the values after a ReLU reach at most, in standard deviations above the mean of their normalisation. The
#: statistics are those of training, which the weights hold. Fewer cut off what is most certainly damage (with 4,
#: a tenth of the pixels with a probability of .65), more waste steps.
DEVIATIONS = 7.0
#: Largest 8-bit weight. Two products of it with 255 fit into 16 bits, in which CPUs without VNNI add them up: the
#: result is the same on every CPU.
LARGEST = 63


def quantise(network: DetectorNet) -> DetectorNet:
    """Return a copy whose convolutions, except the last, have 8-bit inputs and weights.

    Each weight is one of 127 steps up to the largest of its output channel, each value one of 256 steps.

    Args:
        network: in eval mode.
    """
    result = copy.deepcopy(network)
    blocks = [cast(nn.Sequential, block) for pair in (*result.down, result.deep, *result.up) for block in _pair(pair)]
    reaches: dict[nn.Module, float] = {}
    for block in blocks:
        convolution, normalisation, relu = cast("tuple[nn.Conv2d, nn.BatchNorm2d, nn.ReLU]", tuple(block))
        reaches[block] = _reach(normalisation)
        block[0], block[1] = _RoundedConvolution(fuse_conv_bn_eval(convolution, normalisation)), relu
    deepest, deep = _pair(result.down[-1])[1], _pair(result.deep)[1]
    reaches[result.bottom] = reaches[deepest] + reaches[deep]
    # What is joined has one step, or the joined map could not stay in 8 bits.
    coarse = [*(_pair(pair)[1] for pair in result.up[1:]), result.bottom]
    for fine, joined in zip((_pair(pair)[1] for pair in result.down[:-1]), coarse, strict=True):
        reaches[fine] = reaches[joined] = max(reaches[fine], reaches[joined])
    for block in blocks:
        block[2] = _Rounded(reaches[block] / 255)
    result.entry, result.bottom = _Rounded(2 / 255, 64), _Rounded(reaches[result.bottom] / 255)
    return result


def _pair(module: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Return the two blocks of one level."""
    first, second = cast(nn.Sequential, module)
    return first, second


def _reach(normalisation: nn.BatchNorm2d) -> float:
    """Return the highest value that is to be kept of all channels of a normalisation."""
    return float((normalisation.bias + DEVIATIONS * normalisation.weight.abs()).max().detach())


class _Rounded(nn.Module):
    """Round to 256 steps from `-zero` steps upwards, and cut off what lies outside."""

    def __init__(self, step: float, zero: int = 0) -> None:
        super().__init__()
        self.step, self.zero = step, zero

    def forward(self, values: Tensor) -> Tensor:
        """Return the rounded values."""
        return torch.fake_quantize_per_tensor_affine(values, self.step, self.zero, 0, 255)


class _RoundedConvolution(nn.Module):
    """A convolution whose weights are rounded, with a step for each output channel."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.steps = nn.Parameter(convolution.weight.detach().abs().amax(dim=(1, 2, 3)) / LARGEST, requires_grad=False)

    def forward(self, values: Tensor) -> Tensor:
        """Return the convolution's result."""
        given, zeros = self.convolution, torch.zeros(len(self.steps), dtype=torch.int32)
        weight = torch.fake_quantize_per_channel_affine(given.weight, self.steps, zeros, 0, -128, 127)
        return nn.functional.conv2d(values, weight, given.bias, padding=given.padding, dilation=given.dilation)
