"""End to end: simulated damage filled with automatic masks, beside true masks and leaving it alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.detection.datasets import DamagedPicture
from benchmarks.detection.scores import Plane
from benchmarks.detection.unattended import detect_without_rim, fill_unattended
from pipeline.detection.rim import dilate_mask
from pipeline.detection.types import Detector
from pipeline.engines import Engine, Job, inpaint, paste
from pipeline.metrics import psnr, ssim
from pipeline.settings import Recipe


def fill(pixels: Plane, mask: Plane, engine: Engine) -> Plane:
    """Return the picture (H,W) or (H,W,3) uint8 with the mask filled."""
    (filled,) = inpaint([Job("picture", pixels, mask)], engine)
    result = np.rint(paste(pixels, mask, filled) * 255).astype(np.uint8)
    return result if pixels.ndim == 3 else result.mean(axis=-1).round().astype(np.uint8)


def end_to_end(
    detectors: dict[str, Detector], engine: Engine, cases: Iterable[DamagedPicture], recipe: Recipe | None = None
) -> dict[str, Any]:
    """Return mean PSNR and SSIM left alone, with true masks and by detector, and how often it was worse than alone.

    By detector it is what an unattended run makes of a picture: what the guards keep for review is left alone, and
    `review_share` says how often they do.
    """
    recipe = recipe or Recipe()
    kept = dict.fromkeys(detectors, 0)
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in ("alone", "true masks", *detectors)}
    for case in cases:
        if case.original is None or not case.truth.any():
            continue
        masks: dict[str, Plane | None] = {"alone": None, "true masks": dilate_mask(case.truth, recipe.dilate)}
        for name, detector in detectors.items():
            unattended = fill_unattended(case.pixels, detect_without_rim(detector, case.pixels, recipe), recipe)
            masks[name] = unattended.fill
            kept[name] += unattended.review
        for name, mask in masks.items():
            same = mask is None or not mask.any()
            result = case.pixels if same else fill(case.pixels, mask, engine)  # type: ignore[arg-type]
            rows[name].append(
                (psnr(result, case.original, data_range=255), ssim(result, case.original, data_range=255))
            )
    alone = np.array(rows["alone"])
    report: dict[str, Any] = {"pictures": len(alone)}
    for name, values in rows.items():
        found = np.array(values)
        report[name] = {"psnr": round(float(found[:, 0].mean()), 3), "ssim": round(float(found[:, 1].mean()), 4)}
        if name != "alone":
            worse = found < alone
            report[name]["worse_psnr_share"] = round(float(worse[:, 0].mean()), 4)
            report[name]["worse_ssim_share"] = round(float(worse[:, 1].mean()), 4)
            report[name]["largest_loss_db"] = round(float((alone - found)[:, 0].max()), 3)
        if name in kept:
            report[name]["review_share"] = round(kept[name] / len(alone), 4)
    return report
