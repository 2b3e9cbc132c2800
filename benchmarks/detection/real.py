"""Detectors on real scans: agreement with what a restorer changed, and with masks painted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.datasets import load, load_truth, pictures
from benchmarks.detection.scores import PixelCounts, Plane
from benchmarks.detection.unattended import detect_without_rim
from pipeline.detection.types import Detector
from pipeline.imaging.luminance import luminance
from pipeline.metrics.tolerance import tolerated
from pipeline.settings import Recipe

#: What counts as changed by a restorer, beyond tones: detail of up to DETAIL px that differs by CHANGED grey levels.
DETAIL, CHANGED = 12, 16.0


def restorer_changes(damaged: NDArray[np.uint8], restored: NDArray[np.uint8]) -> Plane:
    """Return (H,W), 255 where a restorer changed more than tones.

    Restorations are toned, coloured and sharpened all over. Local medians are therefore taken off both, the restored
    detail is brought to the strength of the damaged one around it (the slope of a local regression), and what still
    differs is a change. An estimate: detail that was sharpened unevenly counts as changed.
    """
    before, after = luminance(damaged), luminance(restored)
    after = cv2.resize(after, before.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
    fine, finer = _detail(before), _detail(after)
    wide = (0, 0), 4.0 * DETAIL
    slope = cv2.GaussianBlur(fine * finer, *wide) / (cv2.GaussianBlur(finer * finer, *wide) + 1)
    rest = np.abs(cv2.GaussianBlur(fine - slope * finer, (0, 0), 0.7))
    return np.where(rest > CHANGED, 255, 0).astype(np.uint8)


def _detail(grey: Plane) -> NDArray[np.float32]:
    """Return what differs from the local median, which a scratch does not move as it would a mean."""
    return grey.astype(np.float32) - cv2.medianBlur(grey, 2 * DETAIL + 1)


def on_real(
    detectors: dict[str, Detector], folder: Path, recipe: Recipe | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Return for each detector a row for each picture below `images` that has a partner of its stem.

    One in `references` is its restoration: of the picture, of what is repaired and of what is suggested, the per cent
    that the restorer changed (2 px). One in `masks` was painted by hand (255 = damage): precision and recall.
    """
    recipe = recipe or Recipe()
    images = {path.stem: path for path in pictures(folder / "images")}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in detectors}
    for partner in [*pictures(folder / "references"), *pictures(folder / "masks")]:
        if partner.stem not in images:
            raise ValueError(f"{partner} has no partner of its stem below {folder / 'images'}")
        pixels, restored = load(images[partner.stem]), partner.parent.name == "references"
        truth = tolerated(restorer_changes(pixels, load(partner))) if restored else load_truth(partner)
        for name, detector in detectors.items():
            found = detect_without_rim(detector, pixels, recipe)
            levels = {"repair": found.repair, "suggest": found.suggest}
            figures = _shares(levels, truth > 0) if restored else _ratios(levels, truth)
            rows[name].append({"picture": partner.stem, **figures})
    return rows


def _shares(levels: dict[str, Plane], touched: NDArray[np.bool_]) -> dict[str, Any]:
    """Return how much a restorer changed of the picture and of each level, in per cent; None of an empty level."""
    row: dict[str, Any] = {"changed_percent": round(100 * float(touched.mean()), 1)}
    for level, mask in levels.items():
        row[f"{level}_percent"] = round(100 * float((mask > 0).mean()), 3)
        within = touched[mask > 0]
        row[f"of_{level}_changed_percent"] = round(100 * float(within.mean()), 1) if within.size else None
    return row


def _ratios(levels: dict[str, Plane], truth: Plane) -> dict[str, Any]:
    """Return precision and recall of each level."""
    row: dict[str, Any] = {}
    for level, mask in levels.items():
        tally = PixelCounts()
        tally.add(mask, truth)
        ratios = tally.ratios()
        row |= {f"{level}_{key}": ratios[key] for key in ("precision", "recall")}
    return row
