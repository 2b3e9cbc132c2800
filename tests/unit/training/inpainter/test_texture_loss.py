"""The texture loss: details may be displaced, but not missing."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.training.inpainter.texture_loss import TextureDistance

WHOLE = torch.ones(1, 1, 128, 128)


@pytest.fixture
def ground() -> Tensor:
    return torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))


def blurred(pictures: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), 5, 1)


def test_texture_may_be_displaced_but_must_not_be_missing(ground: Tensor) -> None:
    distance = TextureDistance()
    moved, soft = ground.roll((3, 5), (2, 3)), blurred(ground)
    assert distance(ground, ground, WHOLE).item() == 0
    assert 4 * distance(moved, ground, WHOLE) < distance(soft, ground, WHOLE)
    assert (moved - ground).abs().mean() > 1.2 * (soft - ground).abs().mean(), "pixel by pixel blur is nearer"


def test_direction_counts() -> None:
    rows = (torch.arange(128) // 4 % 2).float().expand(1, 3, 128, 128)
    distance = TextureDistance()
    assert distance(rows.transpose(2, 3), rows, WHOLE) > 4 * distance(rows.roll(3, 3), rows, WHOLE)


@pytest.mark.parametrize("shift", [0, 5, 21])
def test_pixels_outside_the_hole_do_not_count(ground: Tensor, shift: int) -> None:
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., :32] = 1
    elsewhere, within = ground.clone(), ground.clone()
    elsewhere[..., 96:] = 0.5
    within[..., :32] = 0.5
    # The squares at a quarter of the size reach 64 pixels, 20 more when shifted, and the filters 8 beyond.
    distance = TextureDistance()
    assert distance(elsewhere, ground, hole, shift).item() == 0
    assert distance(within, ground, hole, shift).item() > 0.01


def test_a_flat_picture_has_a_gradient(ground: Tensor) -> None:
    flat = torch.full_like(ground, 0.5, requires_grad=True)
    TextureDistance()(flat, ground, WHOLE).backward()  # type: ignore[no-untyped-call]
    assert flat.grad is not None and bool(torch.isfinite(flat.grad).all())
