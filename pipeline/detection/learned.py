"""Detect damage by a network: probabilities at several scales, judged mark by mark, with a reason each."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pipeline.detection import windows
from pipeline.detection.components import describe_components
from pipeline.detection.judge import judge_marks
from pipeline.detection.marks import MarkedScan
from pipeline.detection.postprocess import postprocess
from pipeline.detection.runners.choose import load_runner
from pipeline.detection.types import Detection
from pipeline.detection.weights import WEIGHTS, read_header
from pipeline.imaging.luminance import find_transparent
from pipeline.imaging.types import Pixels

log = logging.getLogger(__name__)

#: Changed when windows, judgement or components are computed differently; part of the detector's digest.
VERSION = "learned 16"
#: Pixels of a scan from which on the network's memory is released immediately.
LARGE = 16 << 20


class LearnedDetector:
    """A U-Net over windows at the scan's own size and at halves of it.

    Args:
        weights: the weights file; by default the shipped one.
        device, backend: where and by what the network runs, see `pipeline.runtime.device`; the digest does not depend
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
        # The network takes one scan at a time, with all cores; what comes before and after it need not wait.
        self._running = Lock()
        self._runner, self._on_cpu = load_runner(weights or WEIGHTS, device=device, backend=backend)

    def detect(
        self, pixels: Pixels, *, precision: float = 0.9, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Return the damage on a scan; see `Detector.detect`."""
        with self._running:
            probability = self.probabilities(pixels)
            if probability.size >= LARGE:
                # Otherwise the network's memory would be held while all later planes are computed.
                self._runner.release()
        outside = find_transparent(pixels)
        if outside is not None:
            probability[outside] = 0
        scan = MarkedScan(pixels, probability)
        judgement = judge_marks(
            scan, self.thresholds, precision=precision, sensitivity=sensitivity, max_coverage=max_coverage
        )
        components = describe_components(scan, judgement)
        return postprocess(
            judgement.repair, judgement.suggest, components, dilate=dilate, max_coverage=max_coverage,
            note=judgement.note, pixels=pixels,
        )  # fmt: skip

    def probabilities(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return (H,W) uint8, the probability of damage at each pixel in 1/255."""
        try:
            return windows.probabilities(self._runner, pixels, self._multiple)
        except MemoryError:
            if self._runner.runtime.endswith("cpu"):
                raise
            log.warning("the device has too little memory for the detector; going on with the CPU")
            self._runner = self._on_cpu()
            return windows.probabilities(self._runner, pixels, self._multiple)
