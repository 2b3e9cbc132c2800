"""Finish a detection: add rims to the masks, ask for review when they cover too much, sort the components."""

from __future__ import annotations

from pipeline.detection.coverage import share_of
from pipeline.detection.rim import add_rims, dilate_mask
from pipeline.detection.types import Component, Detection
from pipeline.imaging.types import Mask, Pixels


def postprocess(
    repair: Mask,
    suggest: Mask,
    components: list[Component],
    *,
    dilate: int,
    max_coverage: float,
    note: str = "",
    pixels: Pixels | None = None,
) -> Detection:
    """Return the detection with rims added to its masks, and a reason for review when too much is masked.

    Coverage is counted without rims: how wide a rim is against the damage depends on the resolution.

    Args:
        dilate: width of the rims in pixels.
        pixels: the scan, where rims follow what is seen on it; without it they are added everywhere.
    """
    suggest = suggest | repair
    share = share_of(repair)
    if pixels is not None:
        repair, suggest = add_rims(repair, suggest, pixels, dilate)
    else:
        repair, suggest = dilate_mask(repair, dilate), dilate_mask(suggest, dilate)
    review = None
    if share > max_coverage:
        review = (
            f"{share:.1%} of the scan looks damaged, more than the {max_coverage:.0%} that may be filled without review"
        )
    ordered = sorted(components, key=lambda component: component.area, reverse=True)
    return Detection(repair, suggest, ordered, review, note)
