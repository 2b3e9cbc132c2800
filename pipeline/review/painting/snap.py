"""Snap a rough stroke to the mark under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.graph import route_through_array

REACH = 5.0
"""How far beyond the edge of the brush a mark is looked for, in pixels: a hand on a mouse is about that far off."""
NEAR = 8.0
"""Distance from the stroke, in pixels, at which a path costs twice as much as under it."""
FLOOR = 0.02
"""Contrast, 0..1, below which nothing is a mark."""
EDGE = 0.27
"""Share of the contrast between a mark's middle and its surroundings that its pixels must have: edges are blurred."""
LEAST_HALF = 5.0
"""Distance from its middle, in pixels, to which a mark may reach whatever the width of the brush."""
RIDGE, GRAIN, ALONG = 1.5, 0.7, 6.0
"""Standard deviations in pixels: of the lines that are looked for, of the blur against grain, of means along a mark."""
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

    The mark is lighter or darker than its surroundings, whichever is stronger along the stroke. Its middle is the line
    of most contrast within reach, rather near the stroke than far from it; the mark is what belongs to that line and
    stands out like it, as broad as the picture says, together with what the detector suspected there. A dab, a ring or
    a scribble, which goes nowhere, takes the mark as far as the brush reaches.

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
    distance = _distance(draw_stroke(grey.shape, local, 1) > 0)
    corridor = (distance <= reach) | (raw > 0)
    stops = _stops(local, 2 * reach)
    path, sign = _path(grey, distance, corridor, stops)
    seeds = np.zeros(grey.shape, np.bool_)
    seeds[path[:, 0], path[:, 1]] = True
    half = max(LEAST_HALF, width / 4 + 3) if len(stops) == 2 else reach
    share, contrast = _membership(sign * grey, seeds, half)
    if float(np.median(contrast[seeds])) < FLOOR:
        return Snapped(*offset, raw)
    from_middle = _distance(seeds)
    mask = _connected(((share >= EDGE) & (from_middle <= half) & corridor) | seeds, seeds) | (from_middle <= 1)
    if suspected is not None:
        mask |= _connected((suspected > 0) & corridor, cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    return Snapped(*offset, mask * np.uint8(255))


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


def _stops(points: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return points (n,2) that the mark passes: the ends of a line; one, or every so many pixels, of other strokes."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    length, straight = float(lengths.sum()), float(np.hypot(*(points[-1] - points[0])))
    if straight > max(step / 2, length / 2):
        return points[[0, -1]]
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0, length, 1 if length < step / 2 else 2 + int(length / step))
    return np.stack([np.interp(wanted, at, points[:, axis]) for axis in (0, 1)], axis=1)


def _distance(plane: NDArray[np.bool_]) -> Plane:
    """Return the distance (h,w) of each pixel to the nearest one that is set; far away where none is."""
    found = cv2.distanceTransform(np.where(plane, np.uint8(0), np.uint8(1)), cv2.DIST_L2, 5)
    return np.asarray(np.minimum(found, np.float32(1e3)), np.float32)


def _path(
    grey: Plane, distance: Plane, corridor: NDArray[np.bool_], stops: NDArray[np.float64]
) -> tuple[NDArray[np.int64], int]:
    """Return rows and columns (n,2) of the strongest line, 1 where it is lighter than its surroundings, else -1.

    Args:
        distance: of each pixel from the stroke.
        stops: near which the line passes, one after the other.
    """
    found: list[tuple[float, NDArray[np.int64], int]] = []
    for sign, ridge in zip((1, -1), _ridges(grey), strict=True):
        inside = np.where(corridor, ridge, np.float32(0))
        strong = float(np.percentile(inside[corridor], 95)) if corridor.any() else 0.0
        relative = np.minimum(inside / max(strong, 1e-6), 1.5)
        costs = np.where(corridor, (1 + (distance / NEAR) ** 2) / (0.2 + relative), 1e6)
        ends = [_strongest_near(relative, corridor, point) for point in stops]
        path = ends[:1]
        for leg in pairwise(ends):
            path += route_through_array(costs, *leg, fully_connected=True, geometric=True)[0]
        line = np.array(path, np.int64)
        found.append((float(inside[line[:, 0], line[:, 1]].mean()), line, sign))
    _, line, sign = max(found, key=lambda one: one[0])
    return line, sign


def _ridges(grey: Plane) -> tuple[Plane, Plane]:
    """Return how much each pixel (h,w) lies on a light, and on a dark line: the larger curvature across it.

    Eigenvalues of the Hessian matrix, as in C. Steger, IEEE PAMI 20 (1998) 113–125.
    """
    smooth = cv2.GaussianBlur(grey, (0, 0), RIDGE)
    across, down, mixed = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3) for order in ((2, 0), (0, 2), (1, 1)))
    mean, spread = (across + down) / 2, np.sqrt(((across - down) / 2) ** 2 + mixed**2)
    light, dark = np.clip(spread - mean, 0, None), np.clip(spread + mean, 0, None)
    return np.asarray(light, np.float32), np.asarray(dark, np.float32)


def _strongest_near(strength: Plane, corridor: NDArray[np.bool_], point: NDArray[np.float64]) -> tuple[int, int]:
    """Return row and column of the greatest strength near an end of the stroke."""
    rows, columns = np.nonzero(corridor)
    distance = np.hypot(rows - point[1], columns - point[0])
    inside = distance <= max(REACH, float(distance.min()))
    best = int(np.argmax(np.where(inside, strength[rows, columns] - 1e-4 * distance, -1.0)))
    return int(rows[best]), int(columns[best])


def _membership(bright: Plane, seeds: NDArray[np.bool_], half: float) -> tuple[Plane, Plane]:
    """Return how much of a mark's contrast each pixel (h,w) has, 1 as the middle nearby, 0 as the surroundings.

    Args:
        bright: the picture in which the mark is lighter than its surroundings.
        seeds: the middle of the mark.
        half: distance from the middle to which the mark may reach; what lies behind, as far again, surrounds it.

    Returns:
        The share, and the contrast between middle and surroundings.
    """
    smooth = np.asarray(cv2.GaussianBlur(bright, (0, 0), GRAIN), np.float32)
    distance = _distance(seeds)
    around = _mean_near(smooth, (distance > half) & (distance <= 2 * half))
    contrast = _mean_near(smooth, seeds) - around
    # Where its polarity changes on the way, a mark goes on.
    share = (smooth - around) * contrast / np.maximum(contrast**2, 1e-6)
    return np.asarray(share, np.float32), np.asarray(contrast, np.float32)


def _mean_near(plane: Plane, where: NDArray[np.bool_]) -> Plane:
    """Return the mean (h,w) of what a plane has nearby at some pixels."""
    weight = where.astype(np.float32)
    total = cv2.GaussianBlur(plane * weight, (0, 0), ALONG)
    return np.asarray(total / (cv2.GaussianBlur(weight, (0, 0), ALONG) + 1e-6), np.float32)


def _connected(plane: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the components of a plane that touch a seed."""
    _, labels = cv2.connectedComponents(plane.astype(np.uint8), connectivity=8)
    wanted = np.unique(labels[seeds & plane])
    return np.isin(labels, wanted[wanted > 0])
