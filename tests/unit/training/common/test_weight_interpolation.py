"""Interpolation between the weights of two networks."""

import pytest
import torch
from torch import nn

from pipeline.training.common.weight_interpolation import interpolate_weights


def test_weights_and_statistics_are_interpolated() -> None:
    one, other = (nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)) for _ in range(2))
    other[1].running_mean.fill_(4.0)
    mean = interpolate_weights(one, other)
    most = interpolate_weights(one, other, 0.75)
    assert torch.allclose(mean[0].weight, (one[0].weight + other[0].weight) / 2)
    assert mean[1].running_mean.tolist() == [2.0, 2.0]
    assert most[1].running_mean.tolist() == [1.0, 1.0], "three parts of the first"
    assert one[1].running_mean.tolist() == [0.0, 0.0], "what was given stays as it is"
    with pytest.raises(ValueError, match="cannot be averaged"):
        interpolate_weights(one, nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3)))
