"""Detectors on undamaged photographs: how much of them would be falsified."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.datasets import load
from benchmarks.detection.unattended import detect_without_rim
from pipeline.detection.types import Detector
from pipeline.settings import Recipe


def on_clean(
    detectors: dict[str, Detector], paths: Iterable[Path], recipe: Recipe | None = None
) -> dict[str, dict[str, Any]]:
    """Return for each detector the area marked in per cent (mean, worst), the share left empty, the worst five."""
    shares: dict[str, list[tuple[float, float, str]]] = {name: [] for name in detectors}
    for path in paths:
        picture = load(path)
        area = picture.shape[0] * picture.shape[1] / 100
        for name, detector in detectors.items():
            found = detect_without_rim(detector, picture, recipe or Recipe())
            marked = (np.count_nonzero(mask) / area for mask in (found.repair, found.suggest))
            shares[name].append((*(float(share) for share in marked), path.name))  # type: ignore[arg-type]
    return {name: _summary(found) for name, found in shares.items()}


def _summary(shares: list[tuple[float, float, str]]) -> dict[str, Any]:
    repair, suggest = (np.array([share[level] for share in shares] or [0.0]) for level in (0, 1))
    worst = sorted(shares, reverse=True)[:5]
    return {
        "pictures": len(shares),
        "repair_percent_mean": round(float(repair.mean()), 4),
        "repair_percent_worst": round(float(repair.max()), 4),
        "repair_empty_share": round(float((repair == 0).mean()), 3),
        "suggest_percent_mean": round(float(suggest.mean()), 4),
        "suggest_percent_worst": round(float(suggest.max()), 4),
        "worst": {name: round(share, 4) for share, _, name in worst if share > 0},
    }
