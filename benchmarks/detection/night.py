"""What a night fills of a detection, as the stage `mask` decides when nobody is there to look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.detection.figures import Plane
from pipeline.detection.postprocess import finish
from pipeline.detection.types import Detection, Detector
from pipeline.masks.guards import guard
from pipeline.settings import Recipe


@dataclass(frozen=True)
class Night:
    """What becomes of one picture at night.

    Attributes:
        fill: (H,W), 255 where it is filled, rim included; nothing where a person must look first.
        found: the same without the rim, so that it can be compared with the truth.
        review: whether the guards (coverage, faces, text) keep it for a person.
    """

    fill: Plane
    found: Plane
    review: bool


def found_bare(detector: Detector, pixels: Plane, recipe: Recipe) -> Detection:
    """Return what a detector finds on a picture (H,W) or (H,W,3) as a recipe asks for it, but for the rim."""
    return detector.detect(pixels, precision=recipe.precision, dilate=0, max_coverage=recipe.max_coverage)


def unattended(pixels: Plane, bare: Detection, recipe: Recipe) -> Night:
    """Return what a night fills of what a detector is sure of, under a recipe's guards.

    Args:
        pixels: the picture, (H,W) or (H,W,3) uint8.
        bare: found on it without a rim (`dilate=0`); coverage and guards are asked of the mask with its rim, as at
            night, and the detector need not be run again for it.
        recipe: says how wide the rim is, how much may be filled, and which guards stand.
    """
    whole = finish(bare.repair, bare.suggest, [], dilate=recipe.dilate, max_coverage=recipe.max_coverage)
    if not (bare.review or whole.review):
        guarded = guard(pixels, whole.repair, [], faces=recipe.face_guard, text=recipe.text_guard)
        if not guarded.review:
            return Night(guarded.fill, bare.repair & guarded.fill, False)
    nothing = np.zeros_like(bare.repair)
    return Night(nothing, nothing, True)
