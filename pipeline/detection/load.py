"""Load a detector by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from pipeline.detection.classical import ClassicalDetector
from pipeline.detection.types import Detection, Detector
from pipeline.errors import ConfigurationError, WeightsError
from pipeline.imaging.types import Pixels

#: Names that `load_detector` knows.
DETECTORS = ("classical", "learned", "none")


class NoDetector:
    """Finds nothing: only painted masks are filled."""

    name = "none"
    digest = hashlib.sha256(b"none").hexdigest()

    def detect(
        self, pixels: Pixels, *, precision: float = 0.9, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Return empty masks."""
        empty = np.zeros(pixels.shape[:2], np.uint8)
        return Detection(empty, empty.copy())


def load_detector(name: str, *, weights: Path | None = None, device: str = "auto", backend: str = "auto") -> Detector:
    """Return the detector of that name, ready to use.

    Args:
        name: one of `DETECTORS`.
        weights: of the detector `learned`; by default the shipped ones.
        device: where its network runs: `auto` (as the settings say), `cpu` or `cuda`.
        backend: what runs it: `auto` (likewise), `openvino` or `torch`.

    Raises:
        ConfigurationError: there is no detector of that name, or no such device or backend.
        WeightsError: its weights are missing or damaged.
    """
    if name == "classical":
        return ClassicalDetector()
    if name == "learned":
        # torch takes a second to import; the other detectors do without it.
        from pipeline.detection.learned import LearnedDetector
        from pipeline.detection.weights import WEIGHTS

        if weights is None and not WEIGHTS.exists():
            raise WeightsError(
                f"the detector `learned` has no weights ({WEIGHTS}); train it (`train detector`) and put its"
                " detector.safetensors there, or use the detector `classical`"
            )
        return LearnedDetector(weights or WEIGHTS, device=device, backend=backend)
    if name == "none":
        return NoDetector()
    raise ConfigurationError(f"unknown detector {name!r}; known are {', '.join(DETECTORS)}")
