"""Engine `rn`: the Region Normalization network, run by whatever backend suits the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from pipeline.engines.backends import Network
from pipeline.engines.interface import BoolMask, Engine, FloatImage, WindowLayout

VERSION = "rn v3"
"""Increase it when windows are placed or filled differently; with the weights it makes the engine's digest."""

SIZES = (128, 160, 192, 256, 320, 384, 512)

DEPTH = 12
"""Deeper parts of a hole are filled at a smaller scale; measured in ``docs/results/wide_holes.md``."""

SHARP_DEPTH = 24
"""The same for the sharp variant: with less, enlarging loses its texture; with more, its texture looks woven."""


class RnEngine:
    """Fills windows with a trained generator.

    Args:
        network: runs the generator on (N,3,H,W) and (N,1,H,W).
        weights_digest: sha256 of the weights file.
        on_cpu: makes the network to use once the device's memory has run out, or ``None`` where ``network``
            is on the CPU already.
        invents: the weights are of the sharp variant, which invents texture from noise; ``runtime`` names it, and so
            does every sidecar.
    """

    name = "rn"

    def __init__(
        self,
        network: Network,
        weights_digest: str,
        on_cpu: Callable[[], Network] | None = None,
        *,
        invents: bool = False,
    ) -> None:
        self._network = network
        self._on_cpu = on_cpu
        self.weights_digest = weights_digest
        self.digest = hashlib.sha256(f"{VERSION} {weights_digest}".encode()).hexdigest()
        self._invents = invents

    @property
    def runtime(self) -> str:
        """Return what computes; see :class:`Engine`."""
        return self._network.runtime + (", texture invented" if self._invents else "")

    @property
    def layout(self) -> WindowLayout:
        """Return how windows are laid out; see :class:`Engine`."""
        depth = SHARP_DEPTH if self._invents else DEPTH
        network = self._network
        return WindowLayout(
            sizes=SIZES, context=48, depth=depth, batch_pixels=network.batch_pixels, calls=network.calls
        )

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the windows with their holes filled; see :class:`Engine`."""
        planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        filled = self._network.run(planes, holes[:, np.newaxis].astype(np.float32))
        return np.ascontiguousarray(filled.transpose(0, 2, 3, 1))

    def fallback(self) -> Engine | None:
        """Return the same weights on the CPU, or ``None`` when this engine runs there already."""
        if self._on_cpu is None:
            return None
        return RnEngine(self._on_cpu(), self.weights_digest, invents=self._invents)
