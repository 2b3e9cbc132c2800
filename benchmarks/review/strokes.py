"""Rough strokes along labelled cracks: what the snapping brush makes of them, against the raw stroke."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.graph import route_through_array
from skimage.morphology import skeletonize

from benchmarks.detection.labelled import LabelledScan, labelled_scans
from pipeline.imaging.connected_components import connected_components
from pipeline.review.painting.snap import draw_stroke, snap_stroke, stroke_box

LEAST, BROAD = 40, 10.0
"""Length of a crack from which on it counts, and mean width up to which, in pixels."""
BESIDE, CORNERS, WIDTHS = 4.0, 12, (4.0, 6.0, 8.0, 16.0)
"""How far beside a crack strokes are drawn, how far apart their corners are, and widths of the brush, in pixels."""
Points = NDArray[np.float64]


def measure_strokes(folder: Path, limit: int | None = None) -> dict[str, Any]:
    """Return IoU with the label of snapped and raw strokes, by width of the brush.

    Args:
        folder: with `images` and `labels`.
        limit: at most so many scans.
    """
    found: dict[float, list[tuple[float, float]]] = {width: [] for width in WIDTHS}
    scans = set()
    for number, scan in enumerate(labelled_scans(folder)):
        if limit is not None and number >= limit:
            break
        grey = (cv2.cvtColor(scan.pixels, cv2.COLOR_RGB2GRAY) if scan.pixels.ndim == 3 else scan.pixels) / np.float32(
            255
        )
        for crack, middle in _cracks(scan):
            scans.add(scan.name)
            points = _beside(middle)
            for width, scores in found.items():
                scores.append(_compare(grey, crack, scan.ignored, points, width))
    rows = {
        str(int(width)): dict(zip(("snapped", "raw"), np.mean(scores, axis=0).tolist(), strict=True))
        for width, scores in found.items()
        if scores
    }
    return {"scans": len(scans), "strokes": len(next(iter(found.values()))), "iou": rows}


def _cracks(scan: LabelledScan) -> Iterator[tuple[NDArray[np.bool_], Points]]:
    """Yield each long and thin piece of labelled damage (H,W) with the points (n,2) of its middle, x and y."""
    components = connected_components(scan.truth, 128)
    for number in range(len(components)):
        x, y, width, height = (int(value) for value in components.boxes[number])
        if max(width, height) < LEAST:
            continue
        piece = components.inside(number, (x - 1, y - 1, width + 2, height + 2)) > 0
        middle = _longest_path(skeletonize(piece))
        if len(middle) >= LEAST and components.areas[number] / len(middle) <= BROAD:
            whole = np.zeros(scan.truth.shape, np.bool_)
            whole[y : y + height, x : x + width] = piece[1:-1, 1:-1]
            yield whole, middle + np.array([x - 1, y - 1])


def _longest_path(skeleton: NDArray[np.bool_]) -> Points:
    """Return x and y (n,2) along a skeleton between its two ends that are furthest apart."""
    rows, columns = np.nonzero(skeleton)
    if not len(rows):
        return np.zeros((0, 2))
    costs = np.where(skeleton, 1.0, 1e6)
    ends = (int(rows[0]), int(columns[0]))
    for _ in range(2):
        far = int(np.argmax(np.hypot(rows - ends[0], columns - ends[1])))
        other, ends = ends, (int(rows[far]), int(columns[far]))
    path, _ = route_through_array(costs, other, ends, fully_connected=True, geometric=True)
    return np.array(path, np.float64)[:, ::-1]


def _beside(middle: Points) -> list[tuple[float, float]]:
    """Return the corners of a stroke beside a line."""
    corners = middle[::CORNERS] if len(middle) > 2 * CORNERS else middle[[0, -1]]
    along = np.gradient(corners, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return [(float(x), float(y)) for x, y in corners + BESIDE * across]


def _compare(
    grey: NDArray[np.float32], crack: NDArray[np.bool_], ignored: NDArray[np.bool_], points: list[tuple[float, float]],
    width: float,
) -> tuple[float, float]:  # fmt: skip
    """Return the IoU of the snapped and of the raw stroke with a crack; what nobody can tell counts for neither."""
    left, top, right, bottom = stroke_box(points, width, grey.shape[::-1])
    box = (slice(top, bottom), slice(left, right))
    known = ~ignored[box]
    raw = draw_stroke((bottom - top, right - left), np.array(points) - (left, top), width) > 0
    snapped = snap_stroke(grey[box], points, width, offset=(left, top)).mask > 0
    return _iou(snapped & known, crack[box] & known), _iou(raw & known, crack[box] & known)


def _iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(first & second) / max(1, np.count_nonzero(first | second)))
