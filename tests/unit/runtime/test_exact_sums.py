"""What is kept in f32 when a graph is compiled for bf16."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.runtime.graph_cache import to_onnx
from pipeline.runtime.openvino import compiled_queue


class _Variance(torch.nn.Module):
    """A convolution, the variance of its output for each picture as a difference of sums, and another convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.before = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.after = torch.nn.Conv2d(8, 1, 1)
        torch.nn.init.constant_(self.before.bias, 4.0)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        values = self.before(picture)
        mean, second = values.mean(dim=(2, 3), keepdim=True), (values * values).mean(dim=(2, 3), keepdim=True)
        output: torch.Tensor = self.after((second - mean * mean) * values)
        return output


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_variance_is_not_lost(precision: str) -> None:
    torch.manual_seed(0)
    network = _Variance().eval()
    picture = torch.rand(1, 3, 64, 48)
    graph = to_onnx(network, (picture,), ["picture"], "said")
    with torch.no_grad():
        expected = network(picture).numpy()
    queue, _ = compiled_queue(graph, [(1, 3, -1, -1)], precision, 1)
    found = queue[0].infer([picture.numpy()])[0]
    # The squares of 4 have a mean of 16, their variance is a few hundredths: of such sums bf16 keeps three digits.
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
