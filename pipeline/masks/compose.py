"""What is marked on one scan, and why: painted masks, protected regions, the detector and its guards, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline import scans, storage
from pipeline.detection.infrared import find_in_infrared
from pipeline.detection.types import Component, Detector
from pipeline.masks.annotate_components import annotate_components, count_by_level
from pipeline.masks.guards import apply_guards
from pipeline.masks.infrared_source import InfraredPlane, read_infrared
from pipeline.masks.manual import ManualMask, combine, read_mask, read_protected
from pipeline.masks.skip_rules import Skipped, find_skipped
from pipeline.scans import Scan
from pipeline.settings import Level, MaskMode, Recipe

Mask = NDArray[np.uint8]


@dataclass
class ComposedMask:
    """What is marked on one scan.

    Attributes:
        fill: (H,W) uint8, 255 = to be filled unseen.
        suspected: the same with what only a reviewer may accept; contains `fill`.
        source: `manual`, `infrared`, `detector`, `combined` of a person's and software's, or `none`.
        components: the explanations.
        notes: how masks were read and what was left, as sentences without a stop.
        suppressed: pieces that a guard held back, by guard.
        review: why a person must look before anything is filled, or None.
        skipped: what is marked and will not be filled; in a review that is everything.
    """

    fill: Mask
    suspected: Mask
    source: str
    components: list[Component] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    suppressed: dict[str, int] = field(default_factory=dict)
    review: str | None = None
    skipped: Skipped = field(default_factory=Skipped)

    @property
    def levels(self) -> Mask:
        """(H,W) uint8: 255 = to be filled unseen, 128 = doubtful, 0 = intact."""
        return np.where(self.fill > 0, np.uint8(255), np.where(self.suspected > 0, np.uint8(128), np.uint8(0)))

    @property
    def kinds(self) -> dict[str, dict[str, int]]:
        """How many pieces of each kind there are, by level."""
        return count_by_level(self.components)


@dataclass(frozen=True)
class GivenMasks:
    """What was given with one scan.

    Attributes:
        damage: damage, or None.
        protected: regions that must never be touched.
        infrared: URI of a file with the scanner's infrared plane; empty where the scan's own file is to be asked.
    """

    damage: ManualMask | None = None
    protected: tuple[ManualMask, ...] = ()
    infrared: str = ""


def read_given_masks(scan: Scan, recipe: Recipe, mask_uri: str, protect_uri: str, infrared_uri: str = "") -> GivenMasks:
    """Return what was given with a scan, masks read as its recipe says.

    Args:
        mask_uri, protect_uri, infrared_uri: empty where there is none.

    Raises:
        UnreadableScan: a mask cannot be read, or has another size than the scan.
        StoreUnavailable, FileNotFoundError: as storage does.
    """
    shape, orientation = (scan.pixels.shape[0], scan.pixels.shape[1]), scan.info.orientation

    def read(uri: str, reader: Callable[[bytes, tuple[int, int], int, str], ManualMask]) -> ManualMask:
        return reader(storage.read_bytes(uri), shape, orientation, uri.rpartition("/")[2])

    regions = [protect_uri] if protect_uri else []
    if mask_uri and recipe.mask_mode is MaskMode.PROTECT:
        regions.append(mask_uri)
        mask_uri = ""
    protected = tuple(read(uri, read_protected) for uri in regions)
    return GivenMasks(read(mask_uri, read_mask) if mask_uri else None, protected, infrared_uri)


def compose_mask(
    scan: Scan, recipe: Recipe, detector: Detector, *, uri: str = "", given: GivenMasks | None = None
) -> ComposedMask:
    """Return what is marked on a scan.

    Painted damage wins: it is filled whatever detector and guards say. Nothing that is protected is marked at all.
    Where a scanner's infrared plane is of use, it alone says what is repaired, and the detector only suggests.

    Args:
        uri: of the scan's file, which may hold an infrared plane.
    """
    given = given or GivenMasks()
    if given.damage is not None and recipe.mask_mode is MaskMode.REPLACE:
        found = _drawn(given.damage)
        _protect(found, given.protected)
    else:
        # Read before anything is found: the decoder needs its memory now, and the masks theirs later.
        plane = read_infrared(scan, uri, given.infrared) if recipe.infrared else None
        found = _found(scan, recipe, detector)
        _prove(found, scan, recipe, plane)
        del plane
        if recipe.level is Level.SUGGEST:
            found.components = [replace(one, level="repair") for one in found.components]
        # Before the guards: what is protected needs nobody's look.
        _protect(found, given.protected)
        _guard(found, scan, recipe)
        if given.damage is not None:
            _add(found, given.damage, given.protected)
    _leave(found)
    return found


def _drawn(drawn: ManualMask) -> ComposedMask:
    """What a person marked, and nothing else."""
    explained = annotate_components(drawn.mask, "manual", "repair", "painted by a person")
    return ComposedMask(drawn.mask, drawn.mask.copy(), "manual", explained, [drawn.note])


def _found(scan: Scan, recipe: Recipe, detector: Detector) -> ComposedMask:
    """What the detector marks."""
    detection = detector.detect(
        scans.visible_channels(scan),
        precision=recipe.precision,
        sensitivity=recipe.sensitivity,
        dilate=recipe.dilate,
        max_coverage=recipe.max_coverage,
    )
    fill = detection.suggest if recipe.level is Level.SUGGEST else detection.repair
    source = "none" if detector.name == "none" else "detector"
    return ComposedMask(
        fill.copy(), detection.suggest | fill, source, list(detection.components), review=detection.review
    )


def _prove(found: ComposedMask, scan: Scan, recipe: Recipe, plane: InfraredPlane | None) -> None:
    """Let an infrared plane decide what is repaired; what only the detector saw becomes a suggestion."""
    if plane is None:
        return
    if plane.pixels is None:
        found.notes.append(plane.note)
        return
    shown = find_in_infrared(
        scans.visible_channels(scan), plane.pixels, dilate=recipe.dilate, max_coverage=recipe.max_coverage
    )
    if shown.detection is None:
        if not plane.declared:
            return  # an undeclared fourth channel that is no infrared plane is nobody's business
        found.notes.append(shown.note)
        return
    found.notes.append(shown.note)
    seen = shown.detection
    rest = [replace(one, level="suggest") for one in found.components if not _mostly(seen.suggest, one)]
    fill = found.suspected | seen.suggest if recipe.level is Level.SUGGEST else seen.repair
    found.fill, found.suspected = fill, found.suspected | seen.suggest
    found.components, found.source, found.review = seen.components + rest, "infrared", seen.review


def _mostly(mask: Mask, piece: Component) -> bool:
    """Whether more than half of the box of a piece is marked already, or as much as its area."""
    x, y, width, height = piece.box
    marked = int(np.count_nonzero(mask[y : y + height, x : x + width]))
    return 2 * marked > width * height or marked >= piece.area


def _protect(found: ComposedMask, regions: tuple[ManualMask, ...]) -> None:
    """Take protected regions out of what is marked, and pieces that lie in them wholly out of the explanations."""
    for region in regions:
        found.notes.append(region.note)
        found.fill = combine(found.fill, region.mask, "protect")
        found.suspected = combine(found.suspected, region.mask, "protect")
        left = [one for one in found.components if not _covers(region.mask, one)]
        if len(left) < len(found.components):
            found.notes.append(_left(len(found.components) - len(left), "protected"))
        found.components = left


def _covers(region: Mask, piece: Component) -> bool:
    x, y, width, height = piece.box
    inside = region[y : y + height, x : x + width]
    return inside.size > 0 and bool(inside.all())


def _guard(found: ComposedMask, scan: Scan, recipe: Recipe) -> None:
    """Hold back what lies on faces and text."""
    guarded = apply_guards(
        scans.visible_channels(scan), found.fill, found.components, faces=recipe.face_guard, text=recipe.text_guard
    )
    found.fill, found.components, found.suppressed = guarded.fill, guarded.components, guarded.suppressed
    reasons = [reason for reason in (found.review, guarded.review) if reason]
    found.review = "; ".join(reasons) or None


def _add(found: ComposedMask, drawn: ManualMask, regions: tuple[ManualMask, ...]) -> None:
    """Add what a person marked; a protected region stays protected even then."""
    added = drawn.mask
    for region in regions:
        added = combine(added, region.mask, "protect")
    found.fill = combine(found.fill, added, "add")
    found.suspected = combine(found.suspected, added, "add")
    found.notes.insert(0, drawn.note)
    found.components = annotate_components(added, "manual", "repair", "painted by a person") + found.components
    found.source = "manual" if found.source == "none" else "combined"


def _leave(found: ComposedMask) -> None:
    """Note what is marked and will not be filled."""
    if found.review:
        found.skipped = find_skipped(np.zeros_like(found.fill), found.suspected, found.components)
        return
    # A suggestion may lie under what was painted, or within the rim of a repair.
    found.components = [replace(one, level="repair") if _filled(found, one) else one for one in found.components]
    found.skipped = find_skipped(found.fill, found.suspected, found.components)
    if found.skipped.count:
        found.notes.append(_left(found.skipped.count, "doubtful"))


def _filled(found: ComposedMask, piece: Component) -> bool:
    """Whether less than half of a piece can be left; what is protected is not filled."""
    x, y, width, height = piece.box
    box = (slice(y, y + height), slice(x, x + width))
    marked, filled = int(np.count_nonzero(found.suspected[box])), int(np.count_nonzero(found.fill[box]))
    return 2 * (marked - filled) < piece.area <= 2 * marked


def _left(count: int, which: str) -> str:
    return f"{count} {which} " + ("place was left as it is" if count == 1 else "places were left as they are")
