"""Find torn-off corners and edges: where a scan shows the dark ground behind the print."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.luminance import luminance
from pipeline.imaging.rectangles import Rect
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Mask, Pixels

#: Width in units of the border that a piece touches.
BORDER = 8
#: Highest grey level of the ground, how far the darkest pixels of the border may differ to show its tone, and by how
#: much lighter than its tone it may be.
DARKEST, DARK, TOLERANCE = 60, 10, 24
#: Smallest area of a piece in square units, its largest share of the scan, and the least share of its convex hull.
SMALLEST, LARGEST, SOLID = 250, 0.06, 0.8
#: Highest standard deviation of grey levels within a piece: the ground is flat, shadows are not.
FLAT = 8.0
#: How many grey levels lighter than the ground the print is, within so many units of all but a fifth of the rim.
STEP, REACH = 60, 7
#: Highest share of the scan that is as dark as the ground elsewhere: shadows of the picture would be, too.
ELSEWHERE = 0.02
#: Highest share of the rim that lies within `ALONG` units of two lines or circles: a margin, the corner of a mount, an
#: oval and the edges of a building are smooth, what is torn is not.
SMOOTH, ALONG = 0.85, 1.0
#: Width in units of the torn fringe of paper that belongs to a piece.
FRINGE = 4
#: Lines and circles that are tried on each rim.
TRIALS = 400

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class _Ground:
    """The ground behind the print on a reduced copy of a scan: its tone, and (h,w), 1 where the copy has it."""

    copy: Grey
    tone: int
    dark: Mask


def find_torn_edges(pixels: Pixels) -> Mask | None:
    """Return (H,W), 255 where a piece of the print is missing at its border and the dark ground shows; or None.

    A piece is flat and compact, far darker than what is along its rim, darker than the rest of the picture, and its rim
    is neither straight nor round. Where the ground is light or the picture has shadows as dark, nothing is found.

    Args:
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
    """
    grey = luminance(pixels)
    ground = _find_ground(grey)
    if ground is None:
        return None
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ground.dark, connectivity=8)
    border = _border_of(ground.dark.shape)
    pieces = []
    candidates, found = np.zeros(border.shape, np.uint8), np.zeros(border.shape, np.uint8)
    for number in np.flatnonzero((stats[:, cv2.CC_STAT_AREA] >= SMALLEST)[1:]) + 1:
        x, y, width, height, area = stats[number].tolist()
        # With as much around it as is looked at.
        rect = Rect(y, x, y + height, x + width).grow(REACH + 1, border.shape)
        piece = labels[rect.slices] == number
        if area <= LARGEST * labels.size and (piece & border[rect.slices]).any():
            pieces.append((rect, piece))
            candidates[rect.slices] |= piece
    # First what is quickly known: most pictures with a dark border have shadows as dark.
    if not pieces or _is_dark_elsewhere(ground, candidates):
        return None
    for rect, piece in pieces:
        if _is_torn(ground, piece, border, rect):
            found[rect.slices] |= piece
    if not found.any() or _is_dark_elsewhere(ground, found):
        return None
    return _refine(grey, ground.tone, found)


def _is_dark_elsewhere(ground: _Ground, pieces: Mask) -> bool:
    """Return whether much of the picture is as dark as the ground beside some pieces (h,w), 1 where they are."""
    near = cv2.dilate(pieces, np.ones((5, 5), np.uint8))
    as_dark = _as_dark(ground.copy, ground.tone) > 0
    return float((as_dark & (near == 0)).mean()) > ELSEWHERE


def _as_dark(grey: Grey, tone: int) -> Mask:
    """Return (H,W), 255 where a picture is as dark as a tone."""
    return np.asarray(cv2.threshold(grey, tone + TOLERANCE, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)


def _find_ground(grey: Grey) -> _Ground | None:
    """Return what is as dark as the darkest of the border; None where that is not dark."""
    step = int(unit_of(grey))
    size = tuple(max(1, side // step) for side in grey.shape[::-1])
    copy = np.asarray(cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0), np.uint8)
    if min(copy.shape) <= 2 * BORDER:
        return None
    outside = copy[_border_of(copy.shape)]
    darkest = float(np.percentile(outside, 1))
    if darkest > DARKEST:
        return None
    tone = int(np.median(outside[outside <= darkest + DARK]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    dark = cv2.morphologyEx(_as_dark(copy, tone) // 255, cv2.MORPH_OPEN, disc)
    return _Ground(copy, tone, np.asarray(dark, np.uint8))


def _border_of(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return (h,w), true along the border."""
    result = np.ones(shape, np.bool_)
    result[BORDER:-BORDER, BORDER:-BORDER] = False
    return result


def _is_torn(ground: _Ground, piece: NDArray[np.bool_], border: NDArray[np.bool_], rect: Rect) -> bool:
    """Return whether a piece of the ground is flat, sharply bounded, and has a torn rim.

    Args:
        piece: (height,width) of the rectangle of the copy that holds it.
        border: (h,w), true along the border of the copy.
    """
    eroded = cv2.erode(piece.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    core = cv2.erode(piece.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1) > 0
    rim = piece & ~eroded & ~border[rect.slices]
    copy = ground.copy[rect.slices]
    if not core.any() or np.count_nonzero(rim) < 2 * REACH or float(copy[core].std()) > FLAT:
        return False
    outline = np.argwhere(piece)[:, ::-1].astype(np.int32)
    if np.count_nonzero(piece) < SOLID * cv2.contourArea(cv2.convexHull(outline)):
        return False
    square = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    lightest = cv2.dilate(copy, square)[rim]
    if float(np.percentile(lightest, 20)) < ground.tone + STEP:
        return False
    return _smoothness((np.argwhere(rim) + rect[:2]).astype(np.float64)) <= SMOOTH


def _smoothness(points: NDArray[np.float64]) -> float:
    """Return the largest share of points (n,2) near two lines or circles, found one after the other."""
    first = _nearest(points)
    rest = points[~first]
    second = np.count_nonzero(_nearest(rest)) if len(rest) >= 3 else len(rest)
    return float((np.count_nonzero(first) + second) / len(points))


def _nearest(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of points (n,2) lie near one line or circle: the most, of those through three of them."""
    rng = np.random.default_rng(len(points))
    best = np.zeros(len(points), np.bool_)
    for one, other, third in points[rng.integers(0, len(points), (TRIALS, 3))]:
        along, across = other - one, third - one
        length, twice = float(np.hypot(*along)), 2 * float(along[0] * across[1] - along[1] * across[0])
        if length < REACH:
            continue
        near = np.abs((points - one) @ np.array([-along[1], along[0]])) <= ALONG * length
        if abs(twice) > length:
            squares = float(along @ along), float(across @ across)
            middle = one + np.array([
                across[1] * squares[0] - along[1] * squares[1], along[0] * squares[1] - across[0] * squares[0],
            ]) / twice  # fmt: skip
            radius = float(np.hypot(*(one - middle)))
            round_ = np.abs(np.hypot(*(points - middle).T) - radius) <= ALONG
            near = max(near, round_, key=np.count_nonzero)
        best = max(best, near, key=np.count_nonzero)
    return best


def _refine(grey: Grey, tone: int, found: Mask) -> Mask:
    """Return (H,W), 255 where a scan is as dark as the ground around the pieces on its copy (h,w), and on their fringe.

    Distances are measured on the copy, so that time does not grow with the unit.
    """
    near = cv2.dilate(found, np.ones((5, 5), np.uint8))
    allowed = cv2.resize(near, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    dark = _as_dark(np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0), np.uint8), tone)
    result = cv2.bitwise_and(dark, dark, mask=allowed)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * FRINGE + 1, 2 * FRINGE + 1))
    fringe = cv2.resize(cv2.dilate(255 * found, disc), grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.bitwise_or(result, fringe), np.uint8)
