"""Snap a rough stroke to the mark under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.graph import route_through_array

REACH = 6.0
"""How far beyond the edge of the brush a mark is looked for, in pixels: a hand on a mouse is about that far off."""
FLOOR = 0.02
"""Contrast, 0..1, below which nothing is a mark."""
GROW = 0.45
"""Share of the contrast along the mark's middle that its pixels must have."""
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Snapped:
    """What a stroke became.

    Attributes:
        left, top: of the crop within the picture.
        mask: (h,w) uint8, 255 = marked.
    """

    left: int
    top: int
    mask: NDArray[np.uint8]


def stroke_box(points: Sequence[tuple[float, float]], width: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the crop that snapping a stroke needs.

    Args:
        points: x and y of the stroke's corners.
        width: of the brush in pixels.
        size: width and height of the picture.
    """
    margin = int(np.ceil(3 * (REACH + width / 2)))
    x, y = np.array(points, np.float64).T
    left, top = max(0, int(x.min()) - margin), max(0, int(y.min()) - margin)
    return left, top, min(size[0], int(x.max()) + margin + 1), min(size[1], int(y.max()) + margin + 1)


def snap_stroke(
    grey: Plane,
    points: Sequence[tuple[float, float]],
    width: float,
    *,
    suspected: NDArray[np.uint8] | None = None,
    offset: tuple[int, int] = (0, 0),
) -> Snapped:
    """Return the mark that a stroke was meant for; the raw stroke where there is none.

    The mark is lighter or darker than its surroundings, whichever is stronger along the stroke. Its middle is the path
    of most contrast within reach; the mark is what belongs to that path and stands out like it, together with what the
    detector suspected there.

    Args:
        grey: (h,w) float32 0..1, the picture around the stroke, see `stroke_box`.
        points: x and y of the stroke's corners in the picture.
        width: of the brush in pixels.
        suspected: (h,w), not 0 where the detector suspected damage.
        offset: left and top of the crop in the picture.
    """
    local = np.array(points, np.float64).reshape(-1, 2) - np.array(offset, np.float64)
    raw = draw_stroke(grey.shape, local, width)
    reach = REACH + width / 2
    corridor = _near(raw, grey.shape, local, reach)
    contrast = _contrast(grey, corridor, local, reach)
    if contrast is None:
        return Snapped(*offset, raw)
    path = _path(contrast, corridor, local)
    level = float(np.median(contrast[path[:, 0], path[:, 1]]))
    if level < FLOOR:
        return Snapped(*offset, raw)
    seeds = np.zeros(grey.shape, np.uint8)
    seeds[path[:, 0], path[:, 1]] = 1
    standing = ((contrast >= max(FLOOR, GROW * level)) & corridor) | (seeds > 0)
    mask = _connected(standing, seeds)
    if suspected is not None:
        mask |= _connected((suspected > 0) & corridor, _dilated(mask, cv2.MORPH_RECT))
    return Snapped(*offset, _dilated(mask, cv2.MORPH_ELLIPSE) * np.uint8(255))


def draw_stroke(shape: tuple[int, ...], points: NDArray[np.float64], width: float) -> NDArray[np.uint8]:
    """Return a stroke (h,w) uint8, 255 within half a width of the line through the points."""
    canvas = np.zeros(shape, np.uint8)
    corners = np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)
    thickness = max(1, round(width))
    if len(points) > 1:
        cv2.polylines(canvas, [corners], False, 255, thickness, cv2.LINE_8, shift=4)
    for x, y in points:
        cv2.circle(canvas, (round(x), round(y)), thickness // 2, 255, -1)
    return canvas


def _near(
    raw: NDArray[np.uint8], shape: tuple[int, ...], points: NDArray[np.float64], reach: float
) -> NDArray[np.bool_]:
    """Return what lies within reach of the stroke's middle (h,w)."""
    middle = draw_stroke(shape, points, 1)
    distance = cv2.distanceTransform(np.where(middle > 0, np.uint8(0), np.uint8(1)), cv2.DIST_L2, 3)
    return np.asarray((distance <= reach) | (raw > 0))


def _contrast(grey: Plane, corridor: NDArray[np.bool_], points: NDArray[np.float64], reach: float) -> Plane | None:
    """Return how far each pixel stands out from its surroundings (h,w), in the polarity that the stroke lies on."""
    side = 2 * round(reach) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # A little blur, because a top-hat takes grain for marks; less than the finest scratch is wide.
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.7)
    best, strongest = None, 0.0
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        standing = cv2.morphologyEx(smooth, operation, kernel)
        texture = float(np.median(standing[corridor])) if corridor.any() else 0.0
        found = np.where(corridor, np.clip(standing - texture, 0, None), 0).astype(np.float32)
        strength = _along(found, points, reach)
        if strength > strongest:
            best, strongest = found, strength
    return best


def _along(contrast: Plane, points: NDArray[np.float64], reach: float) -> float:
    """Return the mean over the stroke of the strongest contrast within reach."""
    side = 2 * round(reach) + 1
    strongest = cv2.dilate(contrast, np.ones((side, side), np.uint8))
    samples = _resample(points)
    rows = np.clip(samples[:, 1].astype(int), 0, contrast.shape[0] - 1)
    columns = np.clip(samples[:, 0].astype(int), 0, contrast.shape[1] - 1)
    return float(strongest[rows, columns].mean())


def _resample(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points along the stroke, about one a pixel."""
    if len(points) == 1:
        return points
    steps = np.hypot(*np.diff(points, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0, at[-1], max(2, int(at[-1]) + 1))
    return np.stack([np.interp(wanted, at, points[:, axis]) for axis in (0, 1)], axis=1)


def _path(contrast: Plane, corridor: NDArray[np.bool_], points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return rows and columns (n,2) of the path of most contrast from the stroke's begin to its end."""
    ends = [_strongest_near(contrast, corridor, point) for point in (points[0], points[-1])]
    scale = float(contrast.max()) or 1.0
    costs = np.where(corridor, 1.0 / (0.03 + contrast / scale), 1e6)
    if ends[0] == ends[1]:
        return np.array([ends[0]], np.int64)
    path, _ = route_through_array(costs, *ends, fully_connected=True, geometric=True)
    return np.array(path, np.int64)


def _strongest_near(contrast: Plane, corridor: NDArray[np.bool_], point: NDArray[np.float64]) -> tuple[int, int]:
    """Return row and column of the strongest contrast near an end of the stroke."""
    rows, columns = np.nonzero(corridor)
    distance = np.hypot(rows - point[1], columns - point[0])
    inside = distance <= max(REACH + 2, float(distance.min()))
    best = int(np.argmax(np.where(inside, contrast[rows, columns] - 1e-4 * distance, -1.0)))
    return int(rows[best]), int(columns[best])


def _dilated(mask: NDArray[np.bool_], shape: int) -> NDArray[np.uint8]:
    """Return a mask (h,w), 0 or 1, with a pixel around it."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(shape, (3, 3))), np.uint8)


def _connected(plane: NDArray[np.bool_], seeds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the components of a plane that touch a seed."""
    _, labels = cv2.connectedComponents(plane.astype(np.uint8), connectivity=8)
    wanted = np.unique(labels[(seeds > 0) & plane])
    return np.isin(labels, wanted[wanted > 0])
