"""Infrared planes: dirt is found through the dyes, and planes of no use are refused with the reason."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.detection.infrared import find_in_infrared


def film(
    *, dyes: tuple[float, float, float] = (0.04, 0.03, 0.02), shift: tuple[int, int] = (0, 0), dirt: bool = True,
    shown: bool = True, seed: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """A 16-bit slide with its infrared plane, and where dirt lies: specks, hairs and a scratch."""
    rng = np.random.default_rng(seed)
    clean = skimage.data.astronaut().astype(np.float64) / 255 * 0.94 + 0.03
    rows, columns = clean.shape[:2]
    through = np.ones((rows, columns))
    if dirt:
        canvas = np.zeros((rows, columns), np.uint8)
        for _ in range(40):
            centre = rng.integers(20, 490, 2)
            cv2.circle(canvas, (int(centre[0]), int(centre[1])), int(rng.integers(1, 4)), 255, -1)
        for _ in range(4):
            points = np.cumsum(rng.normal(0, 6, (20, 2)), axis=0) + rng.integers(100, 400, 2)
            cv2.polylines(canvas, [points.astype(np.int32)], False, 255, 2)
        cv2.line(canvas, (300, 30), (310, 480), 255, 1)
        through = 1 - 0.7 * cv2.GaussianBlur(canvas, (0, 0), 0.6).astype(np.float64) / 255
    picture = clean * (through if shown else 1)[:, :, None] if shown else clean
    density = -np.log(clean) @ np.array(dyes)
    lamp = 0.8 * (1 - 0.15 * np.linspace(-1, 1, columns)[None] ** 2)
    plane = lamp * np.exp(-density) * through
    plane = np.roll(plane, shift, (0, 1)) * rng.normal(1, 0.012, plane.shape)
    noisy = picture * rng.normal(1, 0.01, picture.shape)
    as_16 = [np.clip(values * 65535, 0, 65535).astype(np.uint16) for values in (noisy, plane)]
    return as_16[0], as_16[1], np.where(through < 0.85, np.uint8(255), np.uint8(0))


def agreement(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Precision and recall with two pixels of tolerance."""
    wide = np.ones((5, 5), np.uint8)
    precision = (cv2.dilate(truth, wide)[found > 0] > 0).mean()
    recall = (cv2.dilate(found, wide)[truth > 0] > 0).mean()
    return float(precision), float(recall)


@pytest.mark.parametrize("depth", [8, 16])
def test_dirt_is_found_through_the_dyes(depth: int) -> None:
    picture, plane, truth = film()
    if depth == 8:
        picture, plane = ((one >> 8).astype(np.uint8) for one in (picture, plane))
    found = find_in_infrared(picture, plane, dilate=0)
    assert found.detection is not None, found.note
    precision, recall = agreement(found.detection.repair, truth)
    assert precision > 0.97 and recall > 0.95
    assert not (found.detection.repair[found.detection.suggest == 0]).any()
    kinds = {one.kind for one in found.detection.components}
    assert "dust" in kinds and kinds & {"hair", "scratch", "crack"}
    assert all("dark in infrared" in one.reason and one.probability is None for one in found.detection.components)


def test_clean_film_has_nothing_to_repair() -> None:
    picture, plane, _ = film(dirt=False)
    found = find_in_infrared(picture, plane)
    assert found.detection is not None and not found.detection.suggest.any()


@pytest.mark.parametrize("shift", [(0, 3), (-5, 4)])
def test_a_plane_that_lies_beside_is_moved(shift: tuple[int, int]) -> None:
    picture, plane, truth = film(shift=shift)
    found = find_in_infrared(picture, plane, dilate=0)
    assert found.detection is not None, found.note
    assert f"moved by {-shift[1]} columns and {-shift[0]} rows" in found.note
    precision, recall = agreement(found.detection.repair, truth)
    assert precision > 0.95 and recall > 0.9


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"dyes": (0.3, 0.3, 0.3)}, "shows the picture itself"),
        ({"dyes": (0.4, 0.02, 0.02)}, "shows the picture itself"),
        ({"shown": False}, "does not show in the picture"),
    ],
)
def test_planes_of_no_use_are_refused(given: dict, why: str) -> None:
    picture, plane, _ = film(**given)
    found = find_in_infrared(picture, plane)
    assert found.detection is None and why in found.note


def test_what_was_drawn_and_what_has_another_size_is_refused() -> None:
    picture, plane, truth = film()
    assert "selection or an alpha channel" in find_in_infrared(picture, np.uint16(257) * (255 - truth)).note
    assert "511 × 512 and 512 × 512 pixels" in find_in_infrared(picture, plane[:, :511]).note


def test_the_holder_around_the_film_is_no_dirt() -> None:
    picture, plane, truth = film()
    for one in (picture, plane):
        one[:, :60] = 300
    found = find_in_infrared(picture, plane, dilate=0)
    assert found.detection is not None, found.note
    assert not found.detection.suggest[:, :50].any()
    assert agreement(found.detection.repair, np.where(np.arange(512) > 63, truth, 0).astype(np.uint8))[1] > 0.9


def test_large_specks_over_smooth_ground_show_in_both_planes() -> None:
    rng = np.random.default_rng(2)
    picture = cv2.resize(rng.integers(3000, 60000, (12, 12, 3)).astype(np.uint16), (600, 600))
    plane = rng.integers(49_000, 50_000, (600, 600)).astype(np.uint16)
    for _ in range(60):
        centre, radius = rng.integers(40, 560, 2), int(rng.integers(2, 8))
        cv2.circle(picture, (int(centre[0]), int(centre[1])), radius, (2000, 2000, 2000), -1)
        cv2.circle(plane, (int(centre[0]), int(centre[1])), radius, 9000, -1)
    found = find_in_infrared(picture, plane)
    assert found.detection is not None and found.note == "the scanner's infrared plane was used"
