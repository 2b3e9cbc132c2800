"""What an unattended run fills of a detection, as the stage `mask` decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.detection.scores import Plane
from pipeline.detection.postprocess import postprocess
from pipeline.detection.types import Detection, Detector
from pipeline.masks.guards import apply_guards
from pipeline.settings import Recipe


@dataclass(frozen=True)
class UnattendedFill:
    """What an unattended run makes of one picture.

    Attributes:
        fill: (H,W), 255 where it is filled, rim included; empty where a person must look first.
        found: the same without the rim, so that it can be compared with the truth.
        review: whether the guards (coverage, faces, text) keep it for a person.
    """

    fill: Plane
    found: Plane
    review: bool


def detect_without_rim(detector: Detector, pixels: Plane, recipe: Recipe) -> Detection:
    """Return what a detector finds on a picture (H,W) or (H,W,3) as a recipe asks for it, without the rim."""
    return detector.detect(pixels, precision=recipe.precision, dilate=0, max_coverage=recipe.max_coverage)


def fill_unattended(pixels: Plane, bare: Detection, recipe: Recipe) -> UnattendedFill:
    """Return what an unattended run fills of what a detector is sure of, under a recipe's guards.

    Args:
        pixels: the picture, (H,W) or (H,W,3) uint8.
        bare: found on it without a rim (`dilate=0`). Coverage and guards are applied to the mask with its rim, as in a
            run, without running the detector again.
        recipe: sets the width of the rim, how much may be filled, and which guards are on.
    """
    whole = postprocess(bare.repair, bare.suggest, [], dilate=recipe.dilate, max_coverage=recipe.max_coverage)
    if not (bare.review or whole.review):
        guarded = apply_guards(pixels, whole.repair, [], faces=recipe.face_guard, text=recipe.text_guard)
        if not guarded.review:
            return UnattendedFill(guarded.fill, bare.repair & guarded.fill, False)
    nothing = np.zeros_like(bare.repair)
    return UnattendedFill(nothing, nothing, True)
