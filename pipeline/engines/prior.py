"""Engine `prior`: the smooth fill that `rn` starts from, alone; a baseline for benchmarks."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.engines.backends.prior import biharmonic_refine, push_pull
from pipeline.engines.interface import BoolMask, Engine, FloatImage, WindowLayout
from pipeline.engines.rn import DEPTH, SIZES
from pipeline.rn.config import GeneratorConfig

BENDS = GeneratorConfig.bends


class PriorEngine:
    """Fills holes with the prior of `rn`, biharmonic refinement included; it has no weights.

    Windows are cut as for `rn`.
    """

    name = "prior"
    runtime = "opencv on cpu"
    layout = WindowLayout(sizes=SIZES, context=48, depth=DEPTH)

    def __init__(self) -> None:
        self.digest = hashlib.sha256(b"push-pull prior v3").hexdigest()

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the windows with their holes filled; see :class:`Engine`."""
        smooth = [(push_pull(image, hole), hole) for image, hole in zip(images, holes, strict=True)]
        return np.stack([np.clip(biharmonic_refine(image, hole, BENDS), 0, 1) for image, hole in smooth])

    def fallback(self) -> Engine | None:
        """Return ``None``: this engine runs on the CPU already."""
        return None
