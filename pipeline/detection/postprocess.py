"""Finish a detection: dilate the masks, ask for review when they cover too much, sort the components."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.detection.coverage import share_of
from pipeline.detection.types import Component, Detection
from pipeline.imaging.types import Mask


def postprocess(
    repair: Mask, suggest: Mask, components: list[Component], *, dilate: int, max_coverage: float, note: str = ""
) -> Detection:
    """Return the detection with masks dilated by `dilate` pixels, and a reason for review when too much is masked.

    Coverage is counted before dilation: how wide a rim is against the damage depends on the resolution.
    """
    suggest = suggest | repair
    share = share_of(repair)
    repair, suggest = dilate_mask(repair, dilate), dilate_mask(suggest, dilate)
    review = None
    if share > max_coverage:
        review = (
            f"{share:.1%} of the scan looks damaged, more than the {max_coverage:.0%} that may be filled without review"
        )
    ordered = sorted(components, key=lambda component: component.area, reverse=True)
    return Detection(repair, suggest, ordered, review, note)


def dilate_mask(mask: Mask, pixels: int) -> Mask:
    """Return the mask dilated by `pixels` in every direction."""
    if pixels <= 0 or not mask.any():
        return mask
    side = 2 * pixels + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).astype(np.uint8, copy=False)
