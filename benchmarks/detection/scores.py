"""Scores of masks against the truth, with 2 px tolerance: where a soft edge ends is a matter of opinion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.tolerance import tolerated

Plane = NDArray[np.uint8]


@dataclass
class PixelCounts:
    """Pixels summed over pictures: right, marked, found and damaged (with tolerance), overlap and union."""

    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))

    def add(self, mask: Plane, truth: Plane, counting: NDArray[np.bool_] | None = None) -> None:
        """Count one picture: both masks (H,W), not 0 where damaged; only pixels in ``counting`` (H,W), or all."""
        marked, damaged = mask > 0, truth > 0
        if counting is not None:
            marked, damaged = marked & counting, damaged & counting
        right = marked & (tolerated(truth) > 0)
        found = damaged & (tolerated(mask) > 0)
        planes = (right, marked, found, damaged, marked & damaged, marked | damaged)
        self.sums += [float(np.count_nonzero(plane)) for plane in planes]

    def ratios(self) -> dict[str, float]:
        """Return precision, recall, F1, Dice and IoU; a precision of nothing marked is 1."""
        right, marked, found, damaged, overlap, union = self.sums
        precision, recall = right / marked if marked else 1.0, found / max(damaged, 1)
        return {
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
            "dice": round(2 * overlap / max(marked + damaged, 1), 4),
            "iou": round(overlap / max(union, 1), 4),
        }


@dataclass
class PrecisionRecallCurve:
    """Precision and recall at every probability in 1/255, from histograms instead of 255 masks."""

    marked: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    right: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    found: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))

    def add(self, chance: Plane, truth: Plane) -> None:
        """Count one picture: probabilities (H,W) in 1/255, truth (H,W) not 0 where damaged."""
        self.marked += np.bincount(chance.ravel(), minlength=256)
        self.right += np.bincount(chance[tolerated(truth) > 0], minlength=256)
        # A damaged pixel is found at a threshold when the highest probability within 2 px reaches it.
        self.found += np.bincount(tolerated(chance)[truth > 0], minlength=256)

    def points(self) -> list[dict[str, float]]:
        """Return threshold, precision, recall and F1 for every threshold of 1/255 and more."""
        marked, right, found = (np.cumsum(each[::-1])[::-1] for each in (self.marked, self.right, self.found))
        rows = []
        for threshold in range(1, 256):
            precision = right[threshold] / marked[threshold] if marked[threshold] else 1.0
            recall = found[threshold] / max(found[0], 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            rows.append({
                "threshold": round(threshold / 255, 4), "precision": round(float(precision), 4),
                "recall": round(float(recall), 4), "f1": round(float(f1), 4),
            })  # fmt: skip
        return rows

    def average_precision(self) -> float:
        """Return the area under the curve of precision over recall."""
        points = sorted(self.points(), key=lambda point: point["recall"])
        recall = np.array([0.0, *(point["recall"] for point in points)])
        return round(float((np.diff(recall) * [point["precision"] for point in points]).sum()), 4)
