"""The losses of the inpainter."""

import pytest
import torch

from pipeline.rn.generator import Stages
from pipeline.training.inpainter.adversarial import discriminator_adversarial_loss, generator_adversarial_loss
from pipeline.training.inpainter.losses import (
    LossWeights,
    gradient_l1,
    hole_decibels,
    hole_l1,
    hole_rmse,
    reconstruction,
    spectrum_l1,
)


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


def test_adversarial_losses_count_patches_around_holes_only() -> None:
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., :8, :8] = 1
    real, filled = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 50.0)
    real[..., 0, 0], filled[..., 0, 0] = 40, -40
    assert discriminator_adversarial_loss(real, filled, hole).item() == pytest.approx(0, abs=1e-6)
    assert generator_adversarial_loss(real, filled, hole).item() == pytest.approx(
        40.0
    )  # half of 80: one of one, and one more below
