"""Engine `prior`: the smooth fill that `rn` starts from, alone; a baseline for benchmarks."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.engines.backends.prior import push_pull
from pipeline.engines.interface import BoolMask, Engine, FloatImage, Layout
from pipeline.engines.rn import DEPTH, SIZES


class PriorEngine:
    """Fills holes with the push-pull prior, which has no weights; windows are cut as for `rn`."""

    name = "prior"
    runtime = "opencv on cpu"
    layout = Layout(sizes=SIZES, context=48, depth=DEPTH)

    def __init__(self) -> None:
        self.digest = hashlib.sha256(b"push-pull prior v2").hexdigest()

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """The windows with their holes filled; see :class:`Engine`."""
        return np.stack([push_pull(image, hole) for image, hole in zip(images, holes, strict=True)])

    def fallback(self) -> Engine | None:
        """None: this runs on the CPU already."""
        return None
