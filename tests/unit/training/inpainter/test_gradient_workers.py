"""Gradients of a batch, computed in micro-batches."""

import pytest
import torch

from pipeline.training.inpainter.gradient_workers import PROBE_STEPS, FasterOption, GradientWorkers


@pytest.mark.parametrize("threads", [1, 2])
def test_micro_batches_give_the_gradient_of_the_batch(threads: int) -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, requires_grad=True)
    unused = torch.randn(2, requires_grad=True)
    data = torch.randn(5, 4)

    def loss(piece: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        value = (piece[0] @ weight).square().mean()
        return value, {"value": value.detach()}

    expected = torch.autograd.grad(loss((data,))[0], weight)[0]
    with GradientWorkers(threads) as workers:
        mean, terms = workers.run([weight, unused], [(data[:2],), (data[2:4],), (data[4:],)], loss)
    assert weight.grad is not None
    assert torch.allclose(weight.grad, expected)
    assert unused.grad is None
    assert mean.item() == pytest.approx(loss((data,))[0].item(), rel=1e-5)
    assert terms["value"].item() == pytest.approx(mean.item())


def test_the_faster_option_is_chosen() -> None:
    for quicker in (True, False):
        chooser = FasterOption()
        ways = []
        for _ in range(2 * PROBE_STEPS + 20):
            way = chooser.choose()
            ways.append(way)
            chooser.record(way, 1.0 if way == quicker else 2.0)
        assert ways[: 2 * PROBE_STEPS] == [True] * PROBE_STEPS + [False] * PROBE_STEPS
        assert set(ways[2 * PROBE_STEPS :]) == {quicker}
