"""Pick colours that the picture itself has, so that the network cannot recognise distractors by colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Picture

Alpha = NDArray[np.uint8]
Colour = NDArray[np.float32]


def own_colour(picture: Picture, rng: np.random.Generator, *, extreme: bool = False, dark: float = 0.5) -> Colour:
    """Return a colour (3,) in 0..255 of the picture (H,W,3).

    With `extreme` it is among the darkest or lightest; among the darkest with the probability `dark`.
    """
    flat = picture.reshape(-1, 3)
    picks = flat[rng.integers(0, len(flat), 64)]
    order = np.argsort(picks.sum(axis=1))
    at = (0 if rng.random() < dark else 63) if extreme else int(rng.integers(64))
    return np.asarray(picks[order[at]], np.float32)
