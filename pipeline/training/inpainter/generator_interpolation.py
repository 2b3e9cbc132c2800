"""Interpolation between two generators, their noise included."""

from __future__ import annotations

from dataclasses import replace

from pipeline.rn.generator import Generator
from pipeline.training.common.weight_interpolation import interpolate_weights


def interpolate_generators(generator: Generator, other: Generator, share: float) -> Generator:
    """Return the mean of two generators in eval mode: ``share`` of the first, the rest of the other.

    The noise is averaged like the weights, and the decoder upsamples smoothly where one of the two does. Interpolation
    between a faithful network and the sharp one trained from it gives every degree of sharpness (Wang et al., ESRGAN,
    ECCV workshops 2018, section 3.4). Raises ``ValueError`` for generators of different shapes.
    """
    noise = share * generator.config.noise + (1.0 - share) * other.config.noise
    smooth = generator.config.smooth or other.config.smooth
    mean = Generator(replace(generator.config, noise=noise, smooth=smooth))
    mean.load_state_dict(interpolate_weights(generator, other, share).state_dict())
    return mean.to(next(generator.parameters()).device).eval()
