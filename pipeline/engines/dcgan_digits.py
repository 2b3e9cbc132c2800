"""Engine `dcgan-digits`: fills holes of handwritten digits, 28×28, white on black."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.engines.interface import BoolMask, Engine, FloatImage, WindowLayout
from pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from torch import nn

SIDE = 28
COLOUR = 0.06
"""How far the channels of a grey digit may be apart (compression tints a little)."""

MARGIN = 0.25
"""How bright a digit's outermost pixels may be on the mean: those of MNIST are black."""

VERSION = "dcgan-digits v2"
DEFAULT = "digits-region"
REMEDY = "engine `dcgan-digits` is for scans of one digit each, 28×28, white on black; use `rn` for photographs"


class DcganDigitsEngine:
    """Fill 28×28 digits with one of two generators: the paper's DCGAN or our Region Normalization network.

    Args:
        network: takes (N,1,28,28) −1..1 and holes (N,1,28,28).
        name: of the network, for people to read.
        weights_digest: sha256 of the weights file.
    """

    name = "dcgan-digits"
    # One window a scan, without context: a digit is its own context, and the network takes no other size.
    layout = WindowLayout(sizes=(SIDE,), context=0, depth=SIDE, batch_pixels=SIDE * SIDE * 1000)

    def __init__(self, network: nn.Module, name: str, weights_digest: str) -> None:
        self._network = network
        self.weights_digest = weights_digest
        self.digest = hashlib.sha256(f"{VERSION} {weights_digest}".encode()).hexdigest()
        self.runtime = f"torch float32 on cpu ({name})"

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the digits with their holes filled; see :class:`Engine`. Known pixels do not change.

        Raises:
            ConfigurationError: a window is not a digit; nothing was filled.
        """
        from pipeline.engines.digits.fill import draw

        check(images, holes)
        drawn = draw(self._network, images.mean(axis=3, dtype=np.float32), holes)
        return np.where(holes[..., np.newaxis], drawn[..., np.newaxis], images)

    def fallback(self) -> Engine | None:
        """Return ``None``: this engine runs on the CPU already."""
        return None


def check(images: FloatImage, holes: BoolMask) -> None:
    """Refuse windows (N,H,W,3) that are not digits: a network trained on digits alone would draw strokes into them.

    Raises:
        ConfigurationError: with the reason and the remedy.
    """
    if images.shape[1:] != (SIDE, SIDE, 3):
        raise ConfigurationError(f"a window of {images.shape[2]}×{images.shape[1]} is not a digit: {REMEDY}")
    known = ~holes
    spread = np.where(known, images.max(axis=3) - images.min(axis=3), 0)
    if spread.size and spread.max() > COLOUR:
        raise ConfigurationError(f"a window is in colour, which no digit is: {REMEDY}")
    rim = known.copy()
    rim[:, 1:-1, 1:-1] = False
    light = (images.mean(axis=3) * rim).sum(axis=(1, 2)) / np.maximum(rim.sum(axis=(1, 2)), 1)
    if light.size and light.max() > MARGIN:
        raise ConfigurationError(f"a window's margin is not black, as every digit's is: {REMEDY}")


def load_dcgan_digits(path: Path) -> DcganDigitsEngine:
    """Return the engine with the weights of a file, `digits-region` (ours) or `digits-paper` (the paper's).

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    from pipeline.engines.digits.weights import FILLERS, load_network

    name, network, digest = load_network(path, *FILLERS)
    return DcganDigitsEngine(network, name, digest)
