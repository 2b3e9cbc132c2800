"""The normalisations and their statistics."""

import pytest
import torch

from pipeline.rn import fused, regions
from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.learned import THRESHOLD, LearnedRegionNorm
from pipeline.rn.regions import normalise_regions, region_statistics, shrink_hole

ONE, ZERO = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)


def half_hole(count: int, side: int = 32) -> torch.Tensor:
    hole = torch.zeros(count, 1, side, side)
    hole[:, :, : side // 2] = 1
    return hole


def test_each_region_has_zero_mean_and_unit_variance() -> None:
    values = torch.randn(2, 5, 32, 32)
    hole = half_hole(2)
    values = values * 3 + 7 * hole
    normal = BasicRegionNorm(5)(values, hole)
    for part in (normal[:, :, :16], normal[:, :, 16:]):
        assert part.mean(dim=(2, 3)).abs().max() < 0.05
        assert (part.var(dim=(2, 3)) - 1).abs().max() < 0.1


def test_statistics_are_one_pictures_own() -> None:
    values = torch.randn(3, 4, 16, 16) * torch.tensor([1.0, 50.0, 0.01])[:, None, None, None]
    hole = half_hole(3, 16)
    layer = BasicRegionNorm(4)
    together = layer(values, hole)
    for index in range(3):
        assert torch.allclose(together[index], layer(values[index : index + 1], hole[index : index + 1])[0], atol=1e-5)


@pytest.mark.parametrize("pixels", [0, 1, 2])
def test_tiny_and_empty_regions_do_not_explode(pixels: int) -> None:
    values = torch.randn(1, 8, 32, 32)
    hole = torch.zeros(1, 1, 32, 32)
    for index in range(pixels):
        hole[0, 0, 5, 5 + index] = 1
    normal = normalise_regions(values, hole, ONE, ZERO, ONE, ZERO)
    assert torch.isfinite(normal).all()
    assert normal.abs().max() < 10


def test_a_constant_map_stays_finite() -> None:
    normal = normalise_regions(torch.full((1, 4, 16, 16), 1e3), half_hole(1, 16), ONE, ZERO, ONE, ZERO)
    assert torch.isfinite(normal).all()
    assert normal.abs().max() < 10


def test_statistics_are_float32_under_autocast() -> None:
    values = (torch.randn(1, 4, 64, 64) + 30).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        mean, variance, _, _ = region_statistics(values.float(), half_hole(1, 64))
        normal = BasicRegionNorm(4)(values, half_hole(1, 64))
    assert mean.dtype == variance.dtype == torch.float32
    assert normal.dtype == torch.bfloat16
    assert normal.float().mean().abs() < 0.05


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999, 1.0])
def test_statistics_are_those_of_each_regions_own_pixels(share: float) -> None:
    torch.manual_seed(1)
    values = torch.randn(2, 3, 32, 32) * 2 + 5
    hole = (torch.rand(2, 1, 32, 32) < share).float()
    mixed = 4 * values.mean(dim=(2, 3)), 4 * values.square().mean(dim=(2, 3))
    found = region_statistics(values, hole)
    for region, mean, variance in ((hole, found[0], found[1]), (1 - hole, found[2], found[3])):
        count = region.sum(dim=(2, 3)) + 4
        expected = ((values * region).sum(dim=(2, 3)) + mixed[0]) / count
        second = ((values.square() * region).sum(dim=(2, 3)) + mixed[1]) / count
        assert torch.allclose(mean[:, :, 0, 0], expected, atol=1e-3)
        assert torch.allclose(variance[:, :, 0, 0], second - expected.square(), atol=1e-2)


def test_the_threshold_is_a_step_in_training_and_a_ramp_when_filling() -> None:
    layer = LearnedRegionNorm(4)
    response = torch.tensor([0.1, 0.69, 0.75, 0.8, 0.85, 0.91]).reshape(1, 1, 2, 3)
    assert torch.equal(layer.train()._region(response).flatten(), torch.tensor([0, 0, 0, 1, 1, 1.0]))
    ramp = layer.eval()._region(response).flatten()
    assert torch.allclose(ramp, torch.tensor([0, 0, 0.25, 0.5, 0.75, 1.0]), atol=1e-6)


def test_a_thin_scratch_survives_shrinking() -> None:
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 13, :] = 1
    assert shrink_hole(hole, 8).sum() == 8


def test_the_learned_region_exists_at_the_start_and_has_a_gradient() -> None:
    torch.manual_seed(0)
    layer = LearnedRegionNorm(6)
    values = torch.randn(2, 6, 32, 32, requires_grad=True)
    layer(values).square().mean().backward()
    assert values.grad is not None
    assert torch.isfinite(values.grad).all()
    assert layer.response.weight.grad is not None
    assert layer.response.weight.grad.abs().sum() > 0
    share = float((layer._respond(values) >= THRESHOLD).float().mean())
    assert 0.01 < share < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("statistics", [True, False])
def test_the_compiled_kernel_agrees(statistics: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "fused", None)
    if not fused.enable():
        pytest.skip("there is no C++ compiler with OpenMP, or torch's headers are missing")
    kernel = regions.fused
    monkeypatch.setattr(regions, "fused", None)
    torch.manual_seed(3)
    values = (torch.randn(3, 8, 16, 16) * 2 + 3).bfloat16().contiguous(memory_format=torch.channels_last)
    hole = half_hole(3, 16)
    hole[1] = 0
    upstream = torch.randn(3, 8, 16, 16)

    def run(dtype: torch.dtype) -> list[torch.Tensor]:
        torch.manual_seed(4)
        parts = [torch.randn(1, 8, 1, 1).requires_grad_() for _ in range(4)]
        given = values.to(dtype).detach().requires_grad_()
        result = normalise_regions(given, hole, *parts, statistics=statistics)
        result.backward(upstream.to(result.dtype))
        grads = [part.grad for part in (given, *parts)]
        return [result, *[grad for grad in grads if grad is not None]]

    plain = run(torch.float32)
    monkeypatch.setattr(regions, "fused", kernel)
    for dtype, allowed in ((torch.bfloat16, 0.01), (torch.float32, 1e-5)):
        for expected, found in zip(plain, run(dtype), strict=True):
            assert (expected - found.float()).abs().max() <= allowed * (1 + expected.abs().max())
