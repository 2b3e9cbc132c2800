"""Compose one scan's mask from painted masks, detector, infrared plane and guards; the entry point of this package."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from pipeline import scans
from pipeline.detection.infrared import find_in_infrared
from pipeline.detection.types import Component, Detector
from pipeline.imaging.types import Mask
from pipeline.masks.annotate_components import annotate_components, count_by_level
from pipeline.masks.given_masks import GivenMasks
from pipeline.masks.guards import REASONS, apply_guards
from pipeline.masks.infrared_source import InfraredPlane, read_infrared
from pipeline.masks.skip_rules import Skipped, find_skipped
from pipeline.painted import PaintedMask
from pipeline.scans import Scan
from pipeline.settings import MaskLevel, MaskMode, Recipe


@dataclass
class ComposedMask:
    """What is masked on one scan, and why; its masks may be one array, so they are replaced and never written.

    Attributes:
        fill: (H,W) uint8, 255 = to be filled without review.
        suspected: the same with what only a reviewer may accept; contains `fill`.
        source: `manual`, `infrared`, `detector`, `combined` of a person's and software's, or `none`.
        components: every connected component of the masks, with its reason.
        notes: how masks were read and what was left, as sentences without a full stop.
        review: why a person must look before anything is filled, or None.
        skipped: what is masked and will not be filled, and why; in a review that is everything.
    """

    fill: Mask
    suspected: Mask
    source: str
    components: list[Component] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    review: str | None = None
    skipped: Skipped = field(default_factory=Skipped)

    @property
    def levels(self) -> Mask:
        """Return (H,W) uint8: 255 = to be filled without review, 128 = only suspected, 0 = intact."""
        levels = np.minimum(self.suspected, np.uint8(128))
        return np.maximum(levels, self.fill, out=levels)

    @property
    def kinds(self) -> dict[str, dict[str, int]]:
        """Return how many components of each kind there are, by level."""
        return count_by_level(self.components)

    @property
    def held(self) -> dict[str, int]:
        """Return how many of the marks that are left each guard holds back; one that holds back none is left out."""
        return {guard: count for guard, count in self.skipped.reasons.items() if guard in REASONS}


def compose_mask(
    scan: Scan, recipe: Recipe, detector: Detector, *, uri: str = "", given: GivenMasks | None = None
) -> ComposedMask:
    """Return what is masked on a scan.

    Painted damage is filled whatever detector and guards say. Nothing that is protected is masked at all. Where a
    scanner's infrared plane is usable, it alone decides what is repaired, and the detector only suggests.

    Args:
        scan: the scan.
        recipe: thresholds, guards, and how painted masks and found damage go together.
        detector: the recipe's.
        uri: of the scan's file, which may hold an infrared plane.
        given: what was supplied with the scan.

    Raises:
        StoreUnavailable, FileNotFoundError: the infrared plane cannot be fetched.
    """
    given = given or GivenMasks()
    if given.damage is not None and (given.damage.decided or recipe.mask_mode is MaskMode.REPLACE):
        result = _from_painted(given.damage)
        _exclude_protected(result, given.protected)
    else:
        # Read before detection: the decoder needs its memory now, detection needs it later.
        plane = read_infrared(scan, uri, given.infrared) if recipe.infrared else None
        result = _from_detector(scan, recipe, detector)
        _prefer_infrared(result, scan, recipe, plane)
        del plane
        if recipe.level is MaskLevel.SUGGEST:
            result.components = [replace(one, level="repair", left="") for one in result.components]
        # Before the guards: what is protected needs no review.
        _exclude_protected(result, given.protected)
        _suppress_guarded(result, scan, recipe)
        if given.damage is not None:
            _add_painted(result, given.damage, given.protected)
    _note_scan(result, scan)
    _record_skipped(result)
    return result


def _from_painted(painted: PaintedMask) -> ComposedMask:
    """Return what a person painted, and nothing else."""
    components = annotate_components(painted.mask, "manual", "repair", "painted by a person")
    notes, review = [painted.note], painted.doubt or None
    return ComposedMask(painted.mask, painted.mask, "manual", components, notes, review=review)


def _from_detector(scan: Scan, recipe: Recipe, detector: Detector) -> ComposedMask:
    """Return what the detector finds."""
    detection = detector.detect(
        scans.viewed_channels(scan),
        precision=recipe.precision,
        sensitivity=recipe.sensitivity,
        dilate=recipe.dilate,
        max_coverage=recipe.max_coverage,
    )
    fill = detection.suggest if recipe.level is MaskLevel.SUGGEST else detection.repair
    source = "none" if detector.name == "none" else "detector"
    components = list(detection.components)
    notes = [detection.note] if detection.note else []
    return ComposedMask(fill, detection.suggest, source, components, notes, review=detection.review)


def _prefer_infrared(result: ComposedMask, scan: Scan, recipe: Recipe, plane: InfraredPlane | None) -> None:
    """Let a usable infrared plane decide what is repaired; what only the detector saw becomes a suggestion."""
    if plane is None:
        return
    if plane.pixels is None:
        result.notes.append(plane.note)
        return
    found = find_in_infrared(
        scans.visible_channels(scan), plane.pixels, dilate=recipe.dilate, max_coverage=recipe.max_coverage
    )
    if found.detection is None:
        # An undeclared fourth channel may be anything, so there is no note when it is not an infrared plane.
        if plane.declared:
            result.notes.append(found.note)
        return
    result.notes.append(found.note)
    seen = found.detection
    rest = [_unseen(one) for one in result.components if not _mostly_masked(seen.suggest, one)]
    result.fill = result.suspected | seen.suggest if recipe.level is MaskLevel.SUGGEST else seen.repair
    result.suspected = result.suspected | seen.suggest
    result.components, result.source, result.review = seen.components + rest, "infrared", seen.review


def _unseen(component: Component) -> Component:
    """Return a component as the suggestion that it is where infrared does not show it."""
    return replace(component, level="suggest", left="infrared" if component.level == "repair" else component.left)


def _exclude_protected(result: ComposedMask, regions: tuple[PaintedMask, ...]) -> None:
    """Take protected regions out of the masks, and components that lie wholly in them out of the list."""
    for region in regions:
        result.notes.append(region.note)
        result.fill = _outside(region.mask, result.fill)
        result.suspected = _outside(region.mask, result.suspected)
        kept = [one for one in result.components if not _covers(region.mask, one)]
        if len(kept) < len(result.components):
            result.notes.append(_note_left(len(result.components) - len(kept), "protected"))
        result.components = kept


def _suppress_guarded(result: ComposedMask, scan: Scan, recipe: Recipe) -> None:
    """Hold back marks on faces and text."""
    guarded = apply_guards(
        scans.viewed_channels(scan), result.fill, result.components, faces=recipe.face_guard, text=recipe.text_guard
    )
    result.fill, result.components = guarded.fill, guarded.components


def _add_painted(result: ComposedMask, painted: PaintedMask, regions: tuple[PaintedMask, ...]) -> None:
    """Add what a person painted; a protected region stays protected even then."""
    added = painted.mask
    for region in regions:
        added = _outside(region.mask, added)
    result.fill = result.fill | added
    result.suspected = result.suspected | added
    result.notes.insert(0, painted.note)
    result.review = "; ".join(filter(None, (painted.doubt, result.review))) or None
    components = annotate_components(added, "manual", "repair", "painted by a person")
    result.components = components + result.components
    result.source = "manual" if result.source == "none" else "combined"


def _note_scan(result: ComposedMask, scan: Scan) -> None:
    """Add what decoding noted; a scan that may be incomplete waits for a person, whatever was painted on it."""
    result.notes.extend(scan.notes)
    if scan.doubt:
        result.review = "; ".join(reason for reason in (scan.doubt, result.review) if reason)


def _record_skipped(result: ComposedMask) -> None:
    """Record what is masked and will not be filled."""
    if result.review:
        result.skipped = find_skipped(np.zeros_like(result.fill), result.suspected, result.components)
        return
    # A suggestion may lie under what was painted, or within the rim of a repair.
    result.components = [
        replace(one, level="repair", left="") if _is_filled(result, one) else one for one in result.components
    ]
    result.skipped = find_skipped(result.fill, result.suspected, result.components)
    if result.skipped.count:
        result.notes.append(_note_left(result.skipped.count, "doubtful"))


def _note_left(count: int, which: str) -> str:
    return f"{count} {which} " + ("place was left as it is" if count == 1 else "places were left as they are")


def _outside(region: Mask, mask: Mask) -> Mask:
    """Return the part of a mask (H,W) that lies outside a region (H,W)."""
    return np.where(region > 0, np.uint8(0), mask)


def _covers(region: Mask, component: Component) -> bool:
    """Return whether a region covers the whole box of a component."""
    x, y, width, height = component.box
    inside = region[y : y + height, x : x + width]
    return inside.size > 0 and bool(inside.all())


def _mostly_masked(mask: Mask, component: Component) -> bool:
    """Return whether more than half of a component's box is masked already, or as much as its area."""
    x, y, width, height = component.box
    masked = int(np.count_nonzero(mask[y : y + height, x : x + width]))
    return 2 * masked > width * height or masked >= component.area


def _is_filled(result: ComposedMask, component: Component) -> bool:
    """Return whether less than half of a component can be left unfilled; what is protected is not filled."""
    x, y, width, height = component.box
    box = (slice(y, y + height), slice(x, x + width))
    masked, filled = int(np.count_nonzero(result.suspected[box])), int(np.count_nonzero(result.fill[box]))
    return 2 * (masked - filled) < component.area <= 2 * masked
