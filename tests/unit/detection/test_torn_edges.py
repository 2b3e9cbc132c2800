"""Pieces torn off a print are found by the dark ground that shows, and nothing else that is dark at the border is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.detection.components import TORN, describe_components
from pipeline.detection.judge import judge_marks
from pipeline.detection.marks import MarkedScan
from pipeline.detection.thresholds import Thresholds
from pipeline.detection.torn_edges import find_torn_edges

SHAPE = (400, 600)
Points = np.ndarray


def print_of(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A light picture with some texture and no black."""
    rng = np.random.default_rng(3)
    noise = cv2.GaussianBlur(rng.normal(0, 30, shape), (0, 0), 3) * 4
    return np.clip(165 + noise, 110, 235).astype(np.uint8)


def jagged(points: list[tuple[int, int]], seed: int = 5) -> Points:
    """An outline through points, torn between them."""
    rng = np.random.default_rng(seed)
    result: list[list[float]] = []
    for (x, y), (to_x, to_y) in pairwise(points):
        steps = max(2, int(np.hypot(to_x - x, to_y - y)) // 7)
        for share in np.linspace(0, 1, steps, endpoint=False):
            place = np.array([x, y]) + share * np.array([to_x - x, to_y - y]) + rng.normal(0, 3, 2)
            result += [place.tolist()]
    return np.array([*result, points[-1]], np.int32)


def torn(picture: np.ndarray, outline: Points, ground: int = 12) -> np.ndarray:
    """The place of a missing piece, after blackening it."""
    place = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(place, [outline], 255)
    picture[place > 0] = ground
    return place


def corner() -> Points:
    return np.vstack([jagged([(70, 0), (48, 30), (30, 44), (0, 78)]), [(0, 0)]])


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_torn_corner_is_found_to_the_pixel(scale: int, depth: type) -> None:
    picture = print_of()
    place = torn(picture, corner())
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    found = find_torn_edges(large.astype(depth) * depth(257 if depth is np.uint16 else 1))
    assert found is not None
    place = cv2.resize(place, found.shape[::-1], interpolation=cv2.INTER_NEAREST)
    assert (found[place > 0] > 0).mean() > 0.98
    near = cv2.dilate(place, np.ones((12 * scale + 1, 12 * scale + 1), np.uint8))
    assert not found[near == 0].any()


def test_a_piece_missing_at_an_edge_is_repaired_with_its_reason() -> None:
    picture = print_of()
    outline = np.vstack([jagged([(600, 150), (570, 160), (552, 190), (575, 220), (600, 232)])])
    place = torn(picture, outline)
    scan = MarkedScan(picture, np.zeros(SHAPE, np.uint8))
    judged = judge_marks(scan, Thresholds())
    assert (judged.repair[place > 0] > 0).mean() > 0.98 and (judged.suggest >= judged.repair).all()
    (one,) = describe_components(scan, judged)
    assert (one.kind, one.level, one.reason, one.probability) == ("loss", "repair", TORN, None)


def straight_margin(picture: np.ndarray) -> None:
    picture[:25] = 12


def frame(picture: np.ndarray) -> None:
    picture[:20] = picture[-20:] = 12
    picture[:, :20] = picture[:, -20:] = 12


def round_corners(picture: np.ndarray) -> None:
    inside = np.zeros(picture.shape, np.uint8)
    cv2.rectangle(inside, (50, 0), (549, 399), 1, -1)
    cv2.rectangle(inside, (0, 50), (599, 349), 1, -1)
    for x in (50, 549):
        for y in (50, 349):
            cv2.circle(inside, (x, y), 50, 1, -1)
    picture[inside == 0] = 12


def oval_mount(picture: np.ndarray) -> None:
    inside = np.zeros(picture.shape, np.uint8)
    cv2.ellipse(inside, (300, 200), (280, 185), 0, 0, 360, 1, -1)
    picture[inside == 0] = 12


def cut_corner(picture: np.ndarray) -> None:
    cv2.fillPoly(picture, [np.array([(0, 0), (80, 0), (0, 60)], np.int32)], 12)


def vignette(picture: np.ndarray) -> None:
    rows, columns = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    picture[:] = (picture * np.clip(1.9 - 1.0 * np.hypot(rows, columns), 0.03, 1)).astype(np.uint8)


def black_backdrop(picture: np.ndarray) -> None:
    inside = np.zeros(picture.shape, np.uint8)
    cv2.ellipse(inside, (300, 330), (170, 230), 0, 0, 360, 1, -1)
    picture[inside == 0] = 14


def dark_coat_as_dark_as_a_corner(picture: np.ndarray) -> None:
    cv2.circle(picture, (350, 260), 60, 12, -1)
    torn(picture, corner())


def white_corner(picture: np.ndarray) -> None:
    torn(picture, corner(), 250)


@pytest.mark.parametrize(
    "draw",
    [straight_margin, frame, round_corners, oval_mount, cut_corner, vignette, black_backdrop,
     dark_coat_as_dark_as_a_corner, white_corner],
)  # fmt: skip
def test_what_else_is_dark_or_missing_at_the_border_is_left(draw: Callable[[np.ndarray], None]) -> None:
    picture = print_of()
    draw(picture)
    assert find_torn_edges(picture) is None


def test_whole_photographs_and_tiny_ones_have_no_torn_edges() -> None:
    for name in ("astronaut", "camera", "coffee", "rocket", "chelsea", "coins"):
        assert find_torn_edges(getattr(skimage.data, name)()) is None, name
    for shape in ((1, 1), (1, 70), (33, 2, 3)):
        assert find_torn_edges(np.zeros(shape, np.uint8)) is None
