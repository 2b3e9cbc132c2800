"""The learned detector: a network's chances at several scales, cut into pieces, each explained."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detection import windows
from pipeline.detection.components import Segmentation, describe_components
from pipeline.detection.postprocess import postprocess
from pipeline.detection.runners.choose import load_runner
from pipeline.detection.thresholds import apply_thresholds
from pipeline.detection.types import Detection
from pipeline.detection.weights import WEIGHTS, read_header
from pipeline.imaging.luminance import find_transparent
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Pixels

log = logging.getLogger(__name__)

#: Raised when windows, levels or pieces are made otherwise: with the weights it makes the detector's digest.
VERSION = "learned 5"
#: Pixels of a scan from which on the network's memory is given back at once.
LARGE = 16 << 20


class LearnedDetector:
    """A U-Net over windows at the scan's own size and at halves of it.

    Args:
        weights: the weights file; the shipped one when left out.
        device, backend: where and by what the network runs, see `pipeline.runtime.device`. The digest does not depend
            on them.

    Raises:
        ConfigurationError: there is no such device or backend.
        WeightsError: the file is missing, damaged or of another kind.
    """

    name = "learned"

    def __init__(self, weights: Path | None = None, *, device: str = "auto", backend: str = "auto") -> None:
        config, self.thresholds, weights_digest = read_header(weights or WEIGHTS)
        self.digest = hashlib.sha256(f"{VERSION} {weights_digest}".encode()).hexdigest()
        self._multiple = 2 ** config["depth"]
        self._runner, self._on_cpu = load_runner(weights or WEIGHTS, device=device, backend=backend)

    @property
    def runtime(self) -> str:
        """What runs the network, for people."""
        return self._runner.runtime

    def detect(
        self, pixels: Pixels, *, precision: float = 0.95, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Return the damage on a scan; see `Detector.detect`."""
        chance = self.probabilities(pixels)
        if chance.size >= LARGE:
            # What the network needed while it ran would stand beside the planes of all that follows.
            self._runner.release()
        outside = find_transparent(pixels)
        if outside is not None:
            chance[outside] = 0
        repair, suggest = apply_thresholds(chance, self.thresholds, precision=precision, sensitivity=sensitivity)
        components = describe_components(Segmentation(chance, repair, suggest, unit_of(chance)))
        repair[repair > 0] = 255
        return postprocess(repair, suggest, components, dilate=dilate, max_coverage=max_coverage)

    def probabilities(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return (H,W) uint8, the chance of damage at each pixel in 1/255."""
        try:
            return windows.probabilities(self._runner, pixels, self._multiple)
        except MemoryError:
            if self._runner.runtime.endswith("cpu"):
                raise
            log.warning("the device's memory does not suffice for the detector; it goes on by the CPU")
            self._runner = self._on_cpu()
            return windows.probabilities(self._runner, pixels, self._multiple)
