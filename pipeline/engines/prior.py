"""Engine `prior`: the smooth fill that `rn` starts from, alone; a baseline for benchmarks."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.engines.interface import BoolMask, Engine, FloatImage, Layout


class PriorEngine:
    """Fills holes with the push-pull prior of :mod:`pipeline.rn.prior`, without any weights."""

    name = "prior"
    runtime = "torch on cpu"
    layout = Layout(sizes=(128, 192, 256, 384, 512), context=48, depth=48)

    def __init__(self) -> None:
        self.digest = hashlib.sha256(b"push-pull prior v1").hexdigest()

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """The windows with their holes filled; see :class:`Engine`."""
        import torch

        from pipeline.rn.prior import push_pull

        planes = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        hole = torch.from_numpy(holes[:, np.newaxis].astype(np.float32))
        return push_pull(planes, hole).numpy().transpose(0, 2, 3, 1)

    def fallback(self) -> Engine | None:
        """None: this runs on the CPU already."""
        return None
