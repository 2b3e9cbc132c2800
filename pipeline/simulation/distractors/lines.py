"""Draw lines that belong to a picture: lettering, wires, fences, lattices, a playing field, painted rims.

Each function draws into `alpha` (H,W) uint8, in place, for a picture (H,W,3) uint8; it returns a colour (3,) in 0..255.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Picture
from pipeline.simulation.distractors.colours import Alpha, Colour, own_colour

_WORDS = ("RESTAURANT", "1923", "Photo", "Hotel", "MAIN ST.", "No. 47", "Bros & Co.", "12", "SCHOOL", "Market", "OPEN")


def text(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw some lines of lettering, as on a sign or in handwriting."""
    rows, columns = alpha.shape
    for line in range(int(rng.integers(1, 4))):
        words = " ".join(rng.choice(_WORDS, int(rng.integers(1, 4))))
        size = float(rng.uniform(0.35, 1.4)) * min(rows, columns) / 400
        where = (int(rng.uniform(-0.1, 0.6) * columns), int(rng.uniform(0.1, 0.95) * rows) + line * int(30 * size))
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX]))
        cv2.putText(alpha, words, where, font, size, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    return own_colour(picture, rng, extreme=True)


def wires(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw sagging wires from side to side, mostly dark."""
    rows, columns = alpha.shape
    for _ in range(int(rng.integers(1, 6))):
        xs = np.linspace(-5, columns + 5, 24)
        sag = float(rng.uniform(0, 0.15)) * rows
        middle = float(rng.uniform(0.1, 0.9)) * columns
        ys = rng.uniform(0, rows) + rng.uniform(-0.3, 0.3) * (xs - middle) - sag * ((xs - middle) / columns) ** 2
        points = np.stack([xs, ys], axis=1)
        if rng.random() < 0.3:
            points = points[:, ::-1]
        cv2.polylines(
            alpha, [np.round(points * 8).astype(np.int32)], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3
        )
    return own_colour(picture, rng, extreme=rng.random() < 0.8, dark=0.85)  # bright ones would look like scratches


def fence(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw posts at equal distances, with some rails."""
    rows, columns = alpha.shape
    step = float(rng.uniform(0.02, 0.12)) * min(rows, columns)
    lean = float(rng.normal(0, 0.08))
    top, bottom = sorted(rng.uniform(0, rows, 2))
    first, last = sorted(rng.uniform(0, columns, 2))
    width = int(rng.integers(1, 4))
    for x in np.arange(first, last, step):
        start, end = (int(x), int(top)), (int(x + lean * (bottom - top)), int(bottom))
        cv2.line(alpha, start, end, 255, width, cv2.LINE_AA)
    for y in rng.uniform(top, bottom, int(rng.integers(0, 4))):
        cv2.line(alpha, (int(first), int(y)), (int(last), int(y)), 255, width, cv2.LINE_AA)
    return own_colour(picture, rng)


def lattice(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw a tower or crane: two legs that converge, rungs and crosses between them, upright or lying."""
    rows, columns = alpha.shape
    short = min(rows, columns)
    lying = rng.random() < 0.25
    length = float(rng.uniform(0.3, 1.2)) * (columns if lying else rows)
    foot = float(rng.uniform(0.04, 0.3)) * short
    top = foot * float(rng.uniform(0.1, 1.0))
    start = rng.uniform([-0.2, 0.4], [1.0, 1.2]) * [columns, rows]
    along = np.array([1.0, rng.normal(0, 0.15)]) if lying else np.array([rng.normal(0, 0.06), -1.0])
    across = np.array([-along[1], along[0]])
    legs, strut = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    at, joints = 0.0, []
    while at < length:
        half = 0.5 * (foot + (top - foot) * at / length)
        joints.append((start + along * at - across * half, start + along * at + across * half))
        at += max(4.0, 2 * half * float(rng.uniform(0.8, 1.1)))
    crossed = rng.random() < 0.6
    for turn, ((left, right), (left_up, right_up)) in enumerate(pairwise(joints)):
        _line(alpha, left, left_up, legs)
        _line(alpha, right, right_up, legs)
        _line(alpha, left_up, right_up, strut)
        if crossed or turn % 2:
            _line(alpha, left, right_up, strut)
        if crossed or turn % 2 == 0:
            _line(alpha, right, left_up, strut)
    return own_colour(picture, rng, extreme=rng.random() < 0.8)


def field(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw painted lines of a court, a road or a car park: boxes, bars and arcs in perspective."""
    rows, columns = alpha.shape
    side = 256
    plan = np.zeros((side, side), np.uint8)
    width = int(rng.integers(2, 7))
    for _ in range(int(rng.integers(1, 4))):
        left, top = (int(value) for value in rng.integers(10, side // 2, 2))
        right, bottom = (int(value) for value in rng.integers(side // 2 + 10, side - 10, 2))
        what = rng.random()
        if what < 0.45:
            cv2.rectangle(plan, (left, top), (right, bottom), 255, width, cv2.LINE_AA)
        elif what < 0.75:
            turn = float(rng.uniform(0, 360))
            axes, sweep = ((right - left) // 2, (bottom - top) // 2), float(rng.uniform(120, 360))
            middle = ((left + right) // 2, (top + bottom) // 2)
            cv2.ellipse(plan, middle, axes, 0, turn, turn + sweep, 255, width, cv2.LINE_AA)
        else:
            step = int(rng.integers(14, 50))
            for x in range(left, right, step):
                cv2.line(plan, (x, top), (x, bottom), 255, width, cv2.LINE_AA)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    seen = (
        (corners / side - 0.5) @ np.diag(rng.uniform(0.6, 1.8, 2)) + rng.normal(0, 0.2, (4, 2)) + rng.uniform(0, 1, 2)
    )
    onto = cv2.getPerspectiveTransform(corners, (seen * [columns, rows]).astype(np.float32))
    alpha[:] = cv2.warpPerspective(plan, onto, (columns, rows), flags=cv2.INTER_LINEAR)
    return own_colour(picture, rng, extreme=True, dark=0.15)


def rims(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw painted rims, mouldings, hems: a line along an edge of the picture."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), float(rng.uniform(1.5, 3)))
    edges = cv2.Canny(grey, 20, 60)
    found = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    long = sorted(found, key=len, reverse=True)[:12]
    for _ in range(min(len(long), int(rng.integers(1, 4)))):
        edge = long[int(rng.integers(len(long)))]
        half = edge[: max(2, len(edge) // 2)]  # a contour runs along both sides of its edge
        cv2.polylines(alpha, [half], False, 255, int(rng.integers(1, 4)), cv2.LINE_AA)
    return own_colour(picture, rng, extreme=True)


def _line(alpha: Alpha, start: NDArray[np.float64], end: NDArray[np.float64], width: int) -> None:
    first, last = (np.round(8 * point).astype(int).tolist() for point in (start, end))
    cv2.line(alpha, first, last, 255, width, cv2.LINE_AA, 3)
