"""What an unattended run fills of a detection, as the stage `mask` decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.detection.scores import Plane
from pipeline.detection.postprocess import postprocess
from pipeline.detection.types import Detection, Detector
from pipeline.masks.compose import ComposedMask, compose_mask
from pipeline.scans import Scan, ScanInfo
from pipeline.settings import Recipe


@dataclass(frozen=True)
class UnattendedFill:
    """What an unattended run makes of one picture.

    Attributes:
        fill: (H,W), 255 where it is filled, rim included; empty where a person must look first.
        found: the same without the rim, so that it can be compared with the truth.
        suspected: (H,W), 255 where it is filled or offered to a reviewer, without the rim.
        composed: the mask as the pipeline composed it.
    """

    fill: Plane
    found: Plane
    suspected: Plane
    composed: ComposedMask

    @property
    def review(self) -> bool:
        """Whether a person must look before anything is filled."""
        return self.composed.review is not None


@dataclass(frozen=True)
class _Replay:
    """Gives a detection that was made without a rim again, with the rim and the coverage that are asked for."""

    bare: Detection
    name: str = "replay"
    digest: str = ""

    def detect(
        self, pixels: Plane, *, precision: float = 0.9, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        bare = self.bare
        return postprocess(
            bare.repair, bare.suggest, bare.components, dilate=dilate, max_coverage=max_coverage, pixels=pixels
        )


def detect_without_rim(detector: Detector, pixels: Plane, recipe: Recipe) -> Detection:
    """Return what a detector finds on a picture (H,W) or (H,W,3) as a recipe asks for it, without the rim."""
    return detector.detect(pixels, precision=recipe.precision, dilate=0, max_coverage=recipe.max_coverage)


def fill_unattended(pixels: Plane, bare: Detection, recipe: Recipe) -> UnattendedFill:
    """Return what an unattended run fills of what a detector is sure of, by the pipeline's own rules for masks.

    Args:
        pixels: the picture, (H,W) or (H,W,3) uint8.
        bare: found on it without a rim (`dilate=0`); the network does not run again.
        recipe: sets the width of the rim, how much may be filled, and which guards are on.
    """
    mode, channels = ("RGB", 3) if pixels.ndim == 3 else ("L", 1)
    scan = Scan(pixels, ScanInfo("PNG", pixels.shape[1], pixels.shape[0], channels, 8, 1, 1, mode))
    composed = compose_mask(scan, recipe, _Replay(bare))
    review = composed.review is not None or bare.review is not None
    fill = np.zeros_like(composed.fill) if review else composed.fill
    if bare.review is not None and composed.review is None:
        composed.review = bare.review
    return UnattendedFill(fill, bare.repair & fill, bare.suggest & composed.suspected, composed)
