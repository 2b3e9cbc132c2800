"""Judge the marks on a scan: which are repaired, which are suggested, and how likely each is damage."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.busy_ground import find_on_busy_ground
from pipeline.detection.coverage import limit_repair
from pipeline.detection.drawn_lines import find_drawn_lines
from pipeline.detection.marks import Flags, MarkedScan, Marks
from pipeline.detection.stains import find_stains
from pipeline.detection.suggestions import HIGHEST, suggest_marks
from pipeline.detection.swarms import find_swarms
from pipeline.detection.thresholds import (
    RepairThreshold,
    Thresholds,
)
from pipeline.detection.tone_growth import Tone, drop_soft_regions, grow_to_tone, measure_tone, select_doubted
from pipeline.detection.torn_edges import find_torn_edges
from pipeline.detection.wear import CELLS, SURE, SUSPECTED, Wear, estimate_wear, from_log_odds, log_odds
from pipeline.detection.whole_lines import repair_lines_whole
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask

#: Probability in 1/255 at which marks are compared with each other.
COMPARED = 90
#: By how much lower log-odds a mark extends than its most certain pixel needs; and the shares of the chance that is
#: asked at the reference wear below which neither of the two falls, however worn a picture is.
EXTENT, LEAST_PEAK, LEAST_EXTENT = 0.5, 0.894, 0.715
#: Share of damaged cells above which a mark of a few pixels may be repaired too, and how many.
WORN, FEW = 0.1, 4
#: The rim of a mark is as steep as this share of what sure marks have, if they have so many pixels; a mark of the
#: probability SPARED needs no such likeness.
STEEP, STEEP_AREA, SPARED = 0.55, 8, 230
#: Share of that steepness that the rim of a large region of paper has at least.
SOFT = 0.8
#: Pixels of a mark that count at most where marks are weighted by area.
MOST_WEIGHT = 200
#: Cells with sure marks from which on the picture shows the tone of its paper.
SHOWN = 8
#: Area in square units from which a suspected region of that tone is repaired.
PAPER = 5
#: Intercept and slope of the log-odds that a mark is damage, over those of its most certain pixel in a picture of the
#: reference wear; fitted to how precise repairs are from the chances .38, .6 and .8 on.
CALIBRATION = (2.6, 0.8)


@dataclass(frozen=True)
class Judgement:
    """What becomes of the marks of a scan.

    Attributes:
        repair, suggest: (H,W), 255 where it is repaired, or at least suggested; without a rim.
        swarms: (H,W), 255 in marks that are left because they are many and alike.
        structure: (H,W), 255 in marks that are left because they may be drawn lines or a texture of the picture.
        beyond: (H,W), 255 in sure marks that are left because surer ones cover as much as may be repaired unseen.
        torn: (H,W), 255 where a piece of the print is missing at its border, see `find_torn_edges`.
        stains: (H,W), 255 where a print of which pieces are torn off is stained, see `find_stains`.
        wear: by lighter (True) and darker marks.
        asked: probability that the most certain pixel of a lighter or darker repair needs; above 1 there is none.
    """

    repair: Mask
    suggest: Mask
    swarms: Mask
    structure: Mask
    beyond: Mask
    torn: Mask
    stains: Mask
    wear: dict[bool, Wear] = field(default_factory=dict)
    asked: dict[bool, float] = field(default_factory=dict)

    def probability(self, peak: int, *, light: bool) -> float:
        """Return the calibrated probability that a mark is damage, from that of its most certain pixel in 1/255."""
        intercept, slope = CALIBRATION
        odds = log_odds(min(max(peak, 1), 254) / 255) + self.wear[light].evidence
        return from_log_odds(intercept + slope * odds)

    def describe_asked(self, *, light: bool) -> str:
        """Return what is asked of lighter or darker repairs on this scan, and why, as a clause."""
        cells, kind = self.wear[light].cells, "lighter" if light else "darker"
        where = (
            f"{cells or 'no'} of {CELLS * CELLS} parts of the scan {'has' if cells == 1 else 'have'} sure {kind} marks"
        )
        possible = _possible(self.asked[light])
        return f"{self.asked[light]:.0%} is asked where {where}" if possible else f"none is sure enough where {where}"

    @property
    def note(self) -> str:
        """Return what moved the thresholds, as a sentence without a full stop; empty where nothing is suspected."""
        if not self.suggest.any():
            return ""
        return f"lighter marks: {self.describe_asked(light=True)}; darker ones: {self.describe_asked(light=False)}"


def judge_marks(
    scan: MarkedScan,
    thresholds: Thresholds,
    *,
    precision: float = 0.9,
    sensitivity: float = 1.0,
    max_coverage: float = 1.0,
) -> Judgement:
    """Return what is repaired and what is suggested of a scan's marks.

    Args:
        scan: with the network's probabilities.
        thresholds: from calibration.
        precision: share of what is repaired that is to be damage.
        sensitivity: 2 accepts at half the odds.
        max_coverage: share of the scan up to which the surest marks are repaired, see `limit_repair`.
    """
    marks = scan.marks(COMPARED)
    swarm = find_swarms(marks, scan.unit)
    suspected = scan.marks(SUSPECTED)
    wear = estimate_wear(marks, swarm, suspected, find_swarms(suspected, scan.unit), scan.unit)
    # Most scans have none of some: a plane of nothing needs no memory.
    nothing = np.broadcast_to(np.uint8(0), scan.probability.shape)
    swarms = marks.paint(swarm) if swarm.any() else nothing
    asked = thresholds.of_precision(precision)
    rim = STEEP * _usual_rim(scan, swarms)
    peaks: dict[bool, float] = {}
    peaks[True], repair = _repaired(scan, asked, wear[True], swarms, rim, light=True, sensitivity=sensitivity)
    tone = measure_tone(scan.pixels, _sure_light(scan, swarms)) if wear[True].cells >= SHOWN else None
    if tone is not None and _possible(peaks[True]):
        repair |= _find_bare_paper(scan, tone)
        repair = drop_soft_regions(scan, grow_to_tone(scan, repair, tone), tone, SOFT * rim)
    peaks[False], darker = _repaired(scan, asked, wear[False], swarms, rim, light=False, sensitivity=sensitivity)
    repair |= darker
    del darker  # a plane of the scan's size
    repair = repair_lines_whole(scan, repair)
    torn = find_torn_edges(scan.pixels)
    suggest = repair.copy() if torn is None else repair | torn
    structure = _find_structure(scan, repair)
    if structure is not None:
        cv2.subtract(repair, structure, dst=repair)
    if torn is not None:
        repair |= torn
    for light in (True, False):
        suggest |= suggest_marks(
            scan, thresholds, wear[light], light=light, sensitivity=sensitivity, tone=tone if light else None
        )
    # Only where the scan is known to show a damaged print: other pictures have coloured things in them.
    stains = find_stains(scan.pixels) if torn is not None else None
    if stains is not None:
        suggest |= stains
    limited = limit_repair(scan, repair, max_coverage)
    beyond = nothing if limited is repair else repair ^ limited
    structure, torn, stains = (nothing if plane is None else plane for plane in (structure, torn, stains))
    return Judgement(limited, suggest, swarms, structure, beyond, torn, stains, wear, peaks)


def _repaired(
    scan: MarkedScan, asked: RepairThreshold, wear: Wear, swarms: Mask, rim: float, *, light: bool, sensitivity: float
) -> tuple[float, Mask]:
    """Return the probability asked of a mark's most certain pixel, and the lighter or darker marks to repair (H,W)."""
    at_reference = log_odds(asked.chance) - math.log(sensitivity)
    chance, odds = from_log_odds(at_reference), at_reference - wear.evidence
    peak = max(from_log_odds(odds), LEAST_PEAK * chance)
    extent = min(peak, max(from_log_odds(odds - EXTENT), LEAST_EXTENT * chance))
    if not _possible(peak):
        return peak, np.zeros_like(scan.probability)
    marks = scan.marks(max(1, round(255 * extent)))
    chosen = (marks.light == light) & (marks.peak >= round(255 * peak))
    chosen &= marks.areas >= (asked.smallest if wear.share < WORN else min(FEW, asked.smallest))
    chosen &= 2 * _pixels_in(swarms, marks) < marks.areas
    chosen &= (marks.peak >= SPARED) | (scan.rims(marks) >= rim)
    return peak, scan.of_polarity(marks.paint(chosen), SURE, light=light)


def _find_structure(scan: MarkedScan, repair: Mask) -> Mask | None:
    """Return the repairs (H,W) that may be lines or a texture of the picture itself, None where none is."""
    marks = connected_components(repair)
    found = find_drawn_lines(marks, scan.unit) | find_on_busy_ground(scan, repair, marks)
    return marks.paint(np.where(found, np.uint8(255), np.uint8(0))) if found.any() else None


def _possible(peak: float) -> bool:
    """Return whether any mark can reach a probability."""
    return round(255 * peak) <= HIGHEST


def _find_bare_paper(scan: MarkedScan, tone: Tone) -> Mask:
    """Return what is suspected (H,W) and has the tone of paper that the sure marks of a worn picture show."""
    regions = connected_components(select_doubted(scan, tone, SUSPECTED))
    return regions.paint(np.where(regions.areas >= PAPER * scan.unit**2, np.uint8(255), np.uint8(0)))


def _usual_rim(scan: MarkedScan, swarms: Mask) -> float:
    """Return the median gradient at the rims of sure marks, weighted by area; 0 where there is none."""
    marks = scan.marks(SURE)
    sure = _sure(marks, swarms)
    if not sure.any():
        return 0.0
    rims = scan.rims(marks)[sure]
    order = np.argsort(rims, kind="stable")
    weights = np.cumsum(np.minimum(marks.areas[sure], MOST_WEIGHT)[order])
    return float(rims[order][np.searchsorted(weights, weights[-1] / 2)])


def _sure(marks: Marks, swarms: Mask) -> Flags:
    """Return which marks above `SURE` are no specks and in no swarm (n,)."""
    result: Flags = (marks.areas >= STEEP_AREA) & (_pixels_in(swarms, marks) == 0)
    return result


def _pixels_in(swarms: Mask, marks: Marks) -> NDArray[np.int64]:
    """Return how many pixels of each mark (n,) lie in swarms (H,W)."""
    return marks.components.sums(swarms) // 255


def _sure_light(scan: MarkedScan, swarms: Mask) -> Mask:
    """Return the sure marks (H,W) that are lighter than their surroundings."""
    marks = scan.marks(SURE)
    return marks.paint(_sure(marks, swarms) & marks.light)
