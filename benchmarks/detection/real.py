"""Detectors on really damaged photographs: agreement with what a restorer changed, and with masks painted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.figures import Plane, Tally
from benchmarks.detection.night import found_bare
from benchmarks.detection.sets import load, pictures
from pipeline.damage import Detector
from pipeline.metrics.tolerance import tolerated
from pipeline.settings import Recipe

#: What a restorer changed, beyond tones: detail up to so many pixels' radius that differs by so many grey levels.
DETAIL, CHANGED = 12, 16.0


def changed(damaged: NDArray[np.uint8], restored: NDArray[np.uint8]) -> Plane:
    """Returns (H,W), 255 where a restorer changed more than tones.

    Restorations are toned, coloured and sharpened all over. Local medians are therefore taken off both, the restored
    detail is brought to the strength of the damaged one around it (the slope of a local regression), and what still
    differs is a change. An estimate: detail that was sharpened unevenly counts as changed.
    """
    before, after = (
        np.asarray(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) if each.ndim == 3 else each) for each in (damaged, restored)
    )
    after = cv2.resize(after, before.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
    fine, mended = _detail(before), _detail(after)
    wide = (0, 0), 4.0 * DETAIL
    slope = cv2.GaussianBlur(fine * mended, *wide) / (cv2.GaussianBlur(mended * mended, *wide) + 1)
    rest = np.abs(cv2.GaussianBlur(fine - slope * mended, (0, 0), 0.7))
    return np.where(rest > CHANGED, 255, 0).astype(np.uint8)


def _detail(grey: Plane) -> NDArray[np.float32]:
    """Returns what stands out of the local median, which a scratch does not move as it would a mean."""
    return grey.astype(np.float32) - cv2.medianBlur(grey, 2 * DETAIL + 1)


def on_real(
    detectors: dict[str, Detector], folder: Path, recipe: Recipe | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Returns for each detector a row for each picture below `images` that has a partner of its stem.

    One in `references` is its restoration: of the picture, of what is repaired and of what is suggested, the per cent
    that the restorer changed (2 px). One in `masks` was painted by hand (255 = damage): precision and recall.
    """
    recipe = recipe or Recipe()
    images = {path.stem: path for path in pictures(folder / "images")}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in detectors}
    for partner in [*pictures(folder / "references"), *pictures(folder / "masks")]:
        if partner.stem not in images:
            raise ValueError(f"{partner} has no partner of its stem below {folder / 'images'}")
        pixels, other = load(images[partner.stem]), load(partner)
        for name, detector in detectors.items():
            found = found_bare(detector, pixels, recipe)
            levels = {"repair": found.repair, "suggest": found.suggest}
            row: dict[str, Any] = {"picture": partner.stem}
            if partner.parent.name == "references":
                touched = tolerated(changed(pixels, other)) > 0
                row["changed_percent"] = round(100 * float(touched.mean()), 1)
                for level, mask in levels.items():
                    row[f"{level}_percent"] = round(100 * float((mask > 0).mean()), 3)
                    row[f"of_{level}_changed_percent"] = (
                        round(100 * float(touched[mask > 0].mean()), 1) if mask.any() else None
                    )
            else:
                painted = np.where((other if other.ndim == 2 else other.max(axis=2)) >= 128, 255, 0).astype(np.uint8)
                for level, mask in levels.items():
                    tally = Tally()
                    tally.add(mask, painted)
                    row |= {f"{level}_{key}": tally.ratios()[key] for key in ("precision", "recall")}
            rows[name].append(row)
    return rows
