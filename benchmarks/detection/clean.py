"""Detectors on undamaged photographs: how much of them would be falsified."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.datasets import load
from benchmarks.detection.unattended import detect_without_rim, fill_unattended
from pipeline.detection.types import Detector
from pipeline.settings import Recipe

#: What the detector is sure of, what an unattended run fills, and what a reviewer is offered too.
LEVELS = ("repair", "filled", "suggest")


def on_clean(
    detectors: dict[str, Detector], paths: Iterable[Path], recipe: Recipe | None = None
) -> dict[str, dict[str, Any]]:
    """Return for each detector and level the area marked in per cent (mean, worst) and the share left empty.

    Also the five pictures of which most is repaired.
    """
    recipe = recipe or Recipe()
    shares: dict[str, list[tuple[float, ...]]] = {name: [] for name in detectors}
    names = []
    for path in paths:
        picture = load(path)
        area = picture.shape[0] * picture.shape[1] / 100
        names.append(path.name)
        for name, detector in detectors.items():
            bare = detect_without_rim(detector, picture, recipe)
            unattended = fill_unattended(picture, bare, recipe)
            masks = (bare.repair, unattended.found, bare.suggest)
            shares[name].append(tuple(np.count_nonzero(mask) / area for mask in masks))
    return {name: _summary(names, found) for name, found in shares.items()}


def _summary(names: list[str], found: list[tuple[float, ...]]) -> dict[str, Any]:
    shares = np.array(found or [(0.0,) * len(LEVELS)])
    report: dict[str, Any] = {"pictures": len(names)}
    for level, share in zip(LEVELS, shares.T, strict=True):
        report[f"{level}_percent_mean"] = round(float(share.mean()), 4)
        report[f"{level}_percent_worst"] = round(float(share.max()), 4)
        report[f"{level}_empty_share"] = round(float((share == 0).mean()), 3)
    worst = np.argsort(-shares[: len(names), 0], kind="stable")[:5]
    return report | {"worst": {names[n]: round(float(shares[n, 0]), 4) for n in worst if shares[n, 0] > 0}}
