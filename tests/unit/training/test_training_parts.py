"""Losses, schedule, threads, card."""

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.rn.config import SIZES
from pipeline.rn.generator import Generator, Stages
from pipeline.training.common.model_card import ModelCard, describe_data, describe_terms, write_model_card
from pipeline.training.common.schedule import Budget, crop_plan, ema_decay, learning_rate
from pipeline.training.common.signals import stop_on_signal
from pipeline.training.common.weight_interpolation import interpolate_weights
from pipeline.training.inpainter.adversarial import discriminator_adversarial_loss, generator_adversarial_loss
from pipeline.training.inpainter.generator_interpolation import interpolate_generators
from pipeline.training.inpainter.gradient_workers import PROBE_STEPS, FasterOption, GradientWorkers
from pipeline.training.inpainter.losses import (
    LossWeights,
    gradient_l1,
    hole_decibels,
    hole_l1,
    hole_rmse,
    reconstruction,
    spectrum_l1,
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_to_stop_and_afterwards_does_what_it_did(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signal() as stop:
        assert not stop.asked
        signal.raise_signal(number)
        assert stop.asked
    assert signal.getsignal(number) is before
    with ThreadPoolExecutor(1) as other, stop_on_signal() as ours:
        theirs = other.submit(lambda: stop_on_signal().__enter__()).result()
        signal.raise_signal(number)
        assert ours.asked and not theirs.asked, "signals are the main thread's"


def test_the_hole_loss_is_the_mean_error_in_the_hole() -> None:
    target = torch.zeros(1, 3, 10, 10)
    hole = torch.zeros(1, 1, 10, 10)
    hole[..., :5] = 1
    output = torch.where(hole > 0, torch.full_like(target, 0.2), torch.full_like(target, 9.0))
    assert hole_l1(output, target, hole).item() == pytest.approx(0.2 * 0.5 / 0.52)
    assert hole_rmse(output, target, hole).item() == pytest.approx(0.2 * (0.5 / 0.52) ** 0.5, rel=1e-3)


def test_decibels_weigh_a_small_error_as_much_as_a_large_one() -> None:
    target, hole = torch.zeros(1, 3, 10, 10), torch.ones(1, 1, 10, 10)
    steps = [
        hole_decibels(torch.full_like(target, error), target, hole).item()
        - hole_decibels(torch.full_like(target, error / 2), target, hole).item()
        for error in (0.8, 0.2)
    ]
    assert steps == pytest.approx([6.02, 6.02], abs=0.1)  # half the error is 6 dB, from wherever one begins
    assert hole_decibels(target, target, hole).item() == 0
    _, terms = reconstruction(Stages(target, target, target), target, hole, LossWeights(decibels=0.02))
    assert "decibels" in terms


def test_a_perfect_fill_costs_nothing() -> None:
    target = torch.rand(2, 3, 16, 16)
    hole = (torch.rand(2, 1, 16, 16) > 0.5).float()
    for loss in (hole_l1, hole_decibels, gradient_l1, spectrum_l1):
        assert loss(target, target, hole).item() == 0
    total, terms = reconstruction(Stages(target, target, target), target, hole, LossWeights())
    assert total.item() < 1e-3
    assert set(terms) == {*LossWeights.__dataclass_fields__, "prior"} - {"decibels"}


def test_terms_without_weight_are_left_out() -> None:
    target = torch.rand(1, 3, 16, 16)
    hole = torch.ones(1, 1, 16, 16)
    _, terms = reconstruction(Stages(target, target, target), target, hole, LossWeights(rmse=0, spectrum=0))
    assert "rmse" not in terms
    assert "spectrum" not in terms


def test_the_critic_is_judged_around_holes_only() -> None:
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., :8, :8] = 1
    real, filled = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 50.0)
    real[..., 0, 0], filled[..., 0, 0] = 40, -40
    assert discriminator_adversarial_loss(real, filled, hole).item() == pytest.approx(0, abs=1e-6)
    assert generator_adversarial_loss(real, filled, hole).item() == pytest.approx(
        40.0
    )  # half of 80: one of one, and one more below


def test_a_budget_is_one_of_three() -> None:
    for wrong in ({}, {"steps": 1, "hours": 1.0}, {"steps": -1}):
        with pytest.raises(ValueError, match="budget"):
            Budget(**wrong)  # type: ignore[arg-type]
    assert Budget(steps=100).progress(25, 1e9) == 0.25
    assert Budget(hours=1).progress(10**9, 900) == 0.25
    assert Budget(until=0.0).progress(5, 10.0) == 1.0
    assert Budget(steps=0).progress(0, 0.0) == 1.0
    assert Budget(hours=0.0).progress(0, 0.0) == 1.0


def test_the_rate_warms_up_stays_and_cools_down() -> None:
    assert learning_rate(1.0, 0, 0.0, warm_up=10) == 0.1
    assert learning_rate(1.0, 50, 0.5, warm_up=10) == 1.0
    assert learning_rate(1.0, 99, 1.0, warm_up=10) == pytest.approx(0.01)
    falling = [learning_rate(1.0, 99, share / 100, warm_up=10) for share in range(70, 101)]
    assert falling == sorted(falling, reverse=True)


def test_the_last_fifth_sees_larger_crops_of_about_as_many_pixels() -> None:
    assert crop_plan(3, 0.5, 128, 8) == (128, 8)
    for step, expected in ((10, (192, 4)), (11, (256, 2))):
        assert crop_plan(step, 0.9, 128, 8) == expected
    assert crop_plan(11, 0.9, 128, 1) == (256, 1)


def test_the_mean_of_two_networks_lies_halfway_statistics_included() -> None:
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


def test_between_two_generators_lies_every_degree_of_their_noise() -> None:
    plain, noisy = Generator(SIZES["light"]), Generator(replace(SIZES["light"], noise=0.1, smooth=True))
    mean = interpolate_generators(noisy, plain, 0.25)
    assert mean.config.noise == mean.refine.noise == pytest.approx(0.025) and mean.config.smooth
    weight = 0.25 * noisy.refine.stem.weight + 0.75 * plain.refine.stem.weight
    assert torch.allclose(mean.refine.stem.weight, weight, atol=1e-6)
    assert noisy.config.noise == 0.1, "what was given stays as it is"
    image, hole = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    hole[..., :8] = 0
    torch.nn.init.normal_(plain.refine.head.weight, std=0.1)
    turned = interpolate_generators(plain, noisy, 0.75)
    assert turned.config.smooth
    turned_plain = Generator(replace(SIZES["light"], smooth=True)).eval()
    turned_plain.load_state_dict(turned.state_dict())
    assert not torch.equal(turned(image, hole), turned_plain(image, hole)), "also where the first has no noise"


def test_averaging_starts_short_and_ends_long() -> None:
    assert ema_decay(0) < 0.1
    assert ema_decay(10**6) == 0.9995


@pytest.mark.parametrize("threads", [1, 2])
def test_pieces_give_the_gradient_of_the_whole(threads: int) -> None:
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


def test_the_quicker_way_is_taken() -> None:
    for quicker in (True, False):
        chooser = FasterOption()
        ways = []
        for _ in range(2 * PROBE_STEPS + 20):
            way = chooser.choose()
            ways.append(way)
            chooser.record(way, 1.0 if way == quicker else 2.0)
        assert ways[: 2 * PROBE_STEPS] == [True] * PROBE_STEPS + [False] * PROBE_STEPS
        assert set(ways[2 * PROBE_STEPS :]) == {quicker}


def test_a_card_counts_sources_and_licences(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    assert "not known" in describe_data(photos, ["a.jpg"])
    (tmp_path / "MANIFEST.csv").write_text(
        "path,source_repo,licence\nphotos/a.jpg,x/one,CC0\nphotos/b.jpg,x/one,CC0\nphotos/c.jpg,y/two,CC BY 4.0\n"
    )
    text = describe_data(photos, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    assert "| x/one | CC0 | 2 |" in text
    assert "| y/two | CC BY 4.0 | 1 |" in text
    assert "| not in the manifest | unknown | 1 |" in text


def test_a_card_states_the_terms_of_the_weights(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    assert "licences of the photographs are not known" in describe_terms(photos)
    (photos / "MANIFEST.csv").write_text("path,source_repo,licence\n")
    terms = describe_terms(photos)
    assert "The weights are under the Apache License 2.0" in terms and "ATTRIBUTION.csv" in terms
    card = ModelCard("T", "P", "N", "D", terms, {"seed": "1"}, ("train",), ("none",), {})
    text = write_model_card(tmp_path / "card.md", card).read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# T", "## Network", "## Training", "## Limits", "## How to reproduce", "## Terms", "## Data",
    ]  # fmt: skip
