"""The moving average of weights: decay, buffers, and the copy that it starts as."""

import torch
from torch import nn

from pipeline.training.common.ema import ModelEma


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def test_each_update_moves_the_average_the_first_one_too() -> None:
    trained = network()
    ema = ModelEma(trained)
    assert not ema.module.training and not any(one.requires_grad for one in ema.module.parameters())
    start = trained[0].weight.detach().clone()
    with torch.no_grad():
        trained[0].weight += 4.0
    ema.update(trained, 0.75)
    assert torch.allclose(ema.module[0].weight, start + 1.0)
    ema.update(trained, 0.0)
    assert torch.equal(ema.module[0].weight, trained[0].weight)


def test_buffers_are_copied_or_averaged() -> None:
    trained = network()
    copied, averaged = ModelEma(trained), ModelEma(trained, use_buffers=True)
    trained[1].running_mean.fill_(4.0)
    trained[1].num_batches_tracked.fill_(8)
    for ema in (copied, averaged):
        ema.update(trained, 0.75)
    assert copied.module[1].running_mean.tolist() == [4.0, 4.0]
    assert int(copied.module[1].num_batches_tracked) == 8
    assert averaged.module[1].running_mean.tolist() == [1.0, 1.0]
    assert int(averaged.module[1].num_batches_tracked) == 0, "a counter has no mean"
