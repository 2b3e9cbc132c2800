"""Draw what looks like damage and is not into clean pictures: hard negatives for training."""

from __future__ import annotations

import numpy as np

from pipeline.imaging.types import Picture
from pipeline.simulation.distractors.lights import clouds, discs, sparkles
from pipeline.simulation.distractors.lines import fence, field, lattice, rims, text, wires
from pipeline.simulation.distractors.materials import border, cloth, pattern
from pipeline.simulation.shapes import soften

__all__ = ["add_distractor"]

_DRAWN = (text, wires, fence, lattice, field, rims, sparkles, discs, pattern)


def add_distractor(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return a copy (H,W,3) uint8 with one distractor, in colours of the picture itself, or with a border."""
    what = rng.random()
    if what < 0.1:
        return border(picture, rng)
    if what < 0.13:
        return cloth(picture, rng)
    if what < 0.21:
        return clouds(picture, rng)
    draw = _DRAWN[int(rng.integers(len(_DRAWN)))]
    alpha = np.zeros(picture.shape[:2], np.uint8)
    colour = draw(alpha, picture, rng)
    soft = soften(alpha.astype(np.float32) / np.float32(255), float(rng.uniform(0.3, 1.1)))[:, :, None]
    shaded = picture + soft * np.float32(rng.uniform(0.6, 1)) * (colour - picture.astype(np.float32))
    return np.clip(shaded, 0, 255).astype(np.uint8)
