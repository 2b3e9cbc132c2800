"""Interpolation between two generators."""

from dataclasses import replace

import pytest
import torch

from pipeline.rn.config import SIZES
from pipeline.rn.generator import Generator
from pipeline.training.inpainter.generator_interpolation import interpolate_generators


def test_noise_and_smooth_upsampling_are_interpolated_too() -> None:
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
