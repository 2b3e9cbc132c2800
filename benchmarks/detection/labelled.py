"""Detectors on real scans labelled by hand: as the detector sees them, as suggested, and as a night fills them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.datasets import load, pictures
from benchmarks.detection.scores import PixelCounts, Plane
from benchmarks.detection.unattended import UnattendedFill, detect_without_rim, fill_unattended
from pipeline.detection.rim import add_rims
from pipeline.detection.types import Detector
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.resolution import stroke_width
from pipeline.metrics.tolerance import tolerated
from pipeline.settings import Recipe

#: What the detector is sure of, what a reviewer is offered too, and what an unattended run fills.
LEVELS = ("repair", "suggest", "filled")
#: Values of a label: damage, and what the person who drew it could not tell.
DAMAGE, IGNORED = 255, 128
#: A scan with at most this share labelled as damage is intact: what is marked on it is the price of detection.
INTACT = 0.001
#: Pieces of damage longer than this are either filled or not; in between they are half filled.
LONG, HALF = 20.0, (0.2, 0.8)
#: Pieces of damage wider than this are broad losses.
BROAD = 10.0
#: Draws of the bootstrap over scans, and the share of them within an interval.
DRAWS, INSIDE = 2000, 0.95


@dataclass(frozen=True)
class LabelledScan:
    """A scan, (H,W) or (H,W,3) uint8, its damage (H,W), 255 or 0, and where no one can tell (H,W)."""

    name: str
    pixels: Plane
    truth: Plane
    ignored: NDArray[np.bool_]


Draw = Callable[[str, LabelledScan, UnattendedFill], None]


@dataclass
class Tally:
    """What was counted on one scan.

    Attributes:
        counts: pixels of each level.
        false_percent: share of the scan that each level marks beyond damage and what no one can tell.
        damaged_percent: share of the scan that is labelled as damage.
        long, half: labelled pieces longer than `LONG`, and how many of them end half filled.
        broad: damaged pixels in pieces wider than `BROAD`, and how many of them are found at each level.
        review: whether a person must look at the scan first.
    """

    name: str
    damaged_percent: float
    counts: dict[str, PixelCounts] = field(default_factory=dict)
    false_percent: dict[str, float] = field(default_factory=dict)
    long: int = 0
    half: int = 0
    broad: dict[str, int] = field(default_factory=dict)
    review: bool = False


def labelled_scans(folder: Path) -> Iterator[LabelledScan]:
    """Yield the scans of `images` below a folder that have a label of their stem in `labels`.

    Raises:
        ValueError: a label has no scan, or is of another size.
    """
    scans = {path.stem: path for path in pictures(folder / "images")}
    for path in pictures(folder / "labels"):
        if path.stem not in scans:
            raise ValueError(f"{path} has no scan of its stem below {folder / 'images'}")
        pixels, label = load(scans[path.stem]), load(path)
        if label.shape != pixels.shape[:2]:
            raise ValueError(f"{path} is of another size than {scans[path.stem]}")
        truth = np.where(label == DAMAGE, np.uint8(255), np.uint8(0))
        yield LabelledScan(path.stem, pixels, truth, label == IGNORED)


def on_labelled(
    detectors: dict[str, Detector],
    scans: Iterable[LabelledScan],
    recipe: Recipe | None = None,
    *,
    rim: bool = False,
    draw: Draw | None = None,
) -> dict[str, dict[str, Any]]:
    """Return for each detector its figures on labelled scans.

    Keys: `scans`; each level with precision, recall (pixels pooled) and their intervals; `intact` with the number of
    intact scans and the area that each level marks wrongly there (mean, worst); `half_filled` and `broad_recall`;
    `rows`, the same scan by scan.

    Args:
        detectors: by label.
        scans: with their labels.
        recipe: what is asked of the detector, and the guards.
        rim: compare masks as they are written, with the rim that a recipe adds; else without.
        draw: called with a detector's label, the scan, and what becomes of it.
    """
    recipe = recipe or Recipe()
    tallies: dict[str, list[Tally]] = {name: [] for name in detectors}
    for scan in scans:
        for name, detector in detectors.items():
            bare = detect_without_rim(detector, scan.pixels, recipe)
            unattended = fill_unattended(scan.pixels, bare, recipe)
            masks = {"repair": bare.repair, "suggest": unattended.suspected, "filled": unattended.found}
            if rim:
                repair, suggest = add_rims(bare.repair, unattended.suspected | bare.repair, scan.pixels, recipe.dilate)
                masks = {"repair": repair, "suggest": suggest, "filled": unattended.fill}
            tallies[name].append(count(scan, masks, review=unattended.review))
            if draw is not None:
                draw(name, scan, unattended)
    return {name: summarise(found) for name, found in tallies.items()}


def count(scan: LabelledScan, masks: dict[str, Plane], *, review: bool = False) -> Tally:
    """Return what is counted on one scan, of the masks (H,W) of each level."""
    damaged = int(np.count_nonzero(scan.truth))
    result = Tally(scan.name, 100 * damaged / scan.truth.size, review=review)
    counting, near = ~scan.ignored, tolerated(scan.truth) > 0
    reached = {level: tolerated(mask) > 0 for level, mask in masks.items()}
    for level, mask in masks.items():
        result.counts[level] = PixelCounts()
        result.counts[level].add(mask, scan.truth, counting)
        result.false_percent[level] = 100 * float(((mask > 0) & counting & ~near).mean())
    pieces = connected_components(scan.truth)
    filled = pieces.sums(reached["filled"]) / np.maximum(pieces.areas, 1)
    long = np.hypot(pieces.boxes[:, 2], pieces.boxes[:, 3]) > LONG
    result.long = int(np.count_nonzero(long))
    result.half = int(np.count_nonzero(long & (filled > HALF[0]) & (filled < HALF[1])))
    broad = [index for index in range(len(pieces)) if stroke_width(pieces, index) > BROAD]
    found = {"damaged": pieces.areas, **{level: pieces.sums(plane) for level, plane in reached.items()}}
    result.broad = {name: int(pixels[broad].sum()) for name, pixels in found.items()}
    return result


def summarise(tallies: list[Tally]) -> dict[str, Any]:
    """Return the figures of all scans, see `on_labelled`."""
    report: dict[str, Any] = {"scans": len(tallies), "review": sum(one.review for one in tallies)}
    intact = [one for one in tallies if one.damaged_percent <= 100 * INTACT]
    report["intact"] = {"scans": len(intact)}
    for level in LEVELS:
        sums = np.array([one.counts[level].sums for one in tallies]).reshape(-1, 6)
        pooled = PixelCounts(sums.sum(axis=0)).ratios()
        report[level] = {key: pooled[key] for key in ("precision", "recall")} | _intervals(sums)
        shares = [one.false_percent[level] for one in intact] or [0.0]
        report["intact"][level] = {"mean": round(float(np.mean(shares)), 5), "worst": round(max(shares), 5)}
    long, half = sum(one.long for one in tallies), sum(one.half for one in tallies)
    report["half_filled"] = {"pieces": long, "half": half, "share": round(half / max(1, long), 4)}
    broad = {name: sum(one.broad[name] for one in tallies) for name in ("damaged", *LEVELS)}
    report["broad_recall"] = {level: round(broad[level] / max(1, broad["damaged"]), 4) for level in LEVELS}
    report["rows"] = [_row(one) for one in tallies]
    return report


def _intervals(sums: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return the intervals of pooled precision and recall, from a bootstrap over scans; sums as in `PixelCounts`."""
    draws = np.random.default_rng(0).integers(0, len(sums), (DRAWS, len(sums)))
    right, marked, found, damaged = sums[draws, :4].sum(axis=1).T
    ends = [(1 - INSIDE) / 2, (1 + INSIDE) / 2]
    precision = np.where(marked > 0, right / np.maximum(marked, 1), 1.0)
    return {
        "precision_interval": [round(float(value), 3) for value in np.quantile(precision, ends)],
        "recall_interval": [round(float(value), 3) for value in np.quantile(found / np.maximum(damaged, 1), ends)],
    }


def _row(one: Tally) -> dict[str, Any]:
    """Return one scan's figures; precision is None where nothing is marked, recall where nothing is damaged."""
    row: dict[str, Any] = {"scan": one.name, "damaged_percent": round(one.damaged_percent, 3), "review": one.review}
    for level in LEVELS:
        _, marked, _, damaged = one.counts[level].sums[:4]
        ratios = one.counts[level].ratios()
        row[f"{level}_precision"] = ratios["precision"] if marked else None
        row[f"{level}_recall"] = ratios["recall"] if damaged else None
        row[f"{level}_false_percent"] = round(one.false_percent[level], 5)
    return row | {"long": one.long, "half": one.half}
