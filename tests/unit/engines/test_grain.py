"""Grain for the fill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import pipeline
from pipeline.engines import Filled, Job, inpaint, load_engine, paste
from pipeline.engines.grain import add_grain

SIGMA = (0.02, 0.03, 0.04)


def grainy(blur: float = 0.8, size: int = 384) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H,W,3) with a soft slope and coloured, soft grain, and the mask of a wide loss and some scratches."""
    rng = np.random.default_rng(4)
    shared = rng.standard_normal((size, size, 1)) * 0.8 + rng.standard_normal((size, size, 3)) * 0.6
    noise = cv2.GaussianBlur(shared, (0, 0), blur) if blur else shared
    noise *= np.array(SIGMA) / noise.std(axis=(0, 1))
    slope = np.linspace(0.45, 0.55, size)[:, None, None]
    mask = np.zeros((size, size), np.uint8)
    cv2.ellipse(mask, (size // 2, size // 2), (90, 60), 20, 0, 360, 255, -1)
    cv2.line(mask, (10, 20), (size - 30, 50), 255, 3)
    return (slope + noise).astype(np.float32), mask


def fill(picture: np.ndarray, mask: np.ndarray) -> Filled:
    (filled,) = inpaint([Job("scan", picture, mask)], load_engine("prior"))
    return filled


def lagged(noise: np.ndarray, hole: np.ndarray, step: int) -> float:
    """The correlation of neighbours ``step`` columns apart, both in the hole or both outside."""
    both = hole[:, step:] & hole[:, :-step]
    return float(np.corrcoef(noise[:, step:][both], noise[:, :-step][both])[0, 1])


@pytest.mark.parametrize("blur", [0.0, 0.8])
def test_variance_spectrum_and_colour_are_those_of_the_surroundings(blur: float) -> None:
    picture, mask = grainy(blur)
    hole = mask > 0
    plain = fill(picture, mask)
    smooth = paste(picture, mask, plain)
    noise = paste(picture, mask, add_grain(plain, picture, mask, seed=1)) - smooth
    ground = picture - picture.mean(axis=1, keepdims=True)
    assert noise[hole].std(axis=0) == pytest.approx(SIGMA, rel=0.15)
    for step in (1, 2):
        assert lagged(noise[..., 1], hole, step) == pytest.approx(lagged(ground[..., 1], ~hole, step), abs=0.08)
    assert np.corrcoef(noise[hole].T)[0, 2] == pytest.approx(np.corrcoef(ground[~hole].T)[0, 2], abs=0.1)


def test_only_damaged_pixels_change_and_a_seed_repeats() -> None:
    picture, mask = grainy()
    plain = fill(picture, mask)
    before = plain.pixels.copy()
    first, again, other = (add_grain(plain, picture, mask, seed) for seed in (1, 1, 2))
    assert np.array_equal(paste(picture, mask, first)[mask == 0], paste(picture, mask, plain)[mask == 0])
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)
    assert np.array_equal(plain.pixels, before)
    assert "grain added, 3." in first.notes[-1]


def test_grain_follows_the_tone() -> None:
    rng = np.random.default_rng(0)
    picture = np.full((320, 320), 0.25)
    picture[:, 160:] = 0.75
    picture += rng.standard_normal(picture.shape) * np.where(picture > 0.5, 0.05, 0.01)
    mask = np.zeros((320, 320), np.uint8)
    mask[150:170, 20:300] = 255
    plain = fill(picture.astype(np.float32), mask)
    noise = paste(picture, mask, add_grain(plain, picture, mask, 1)) - paste(picture, mask, plain)
    assert noise[150:170, 20:120].std() == pytest.approx(0.01, rel=0.25)
    assert noise[150:170, 200:300].std() == pytest.approx(0.05, rel=0.25)
    assert np.array_equal(noise[..., 0], noise[..., 2])  # a grey scan stays grey


GREY = """
import numpy as np
from pipeline.engines import Filled, Rect
from pipeline.engines.grain import add_grain
rng = np.random.default_rng(0)
scan = (0.5 + 0.02 * rng.standard_normal((320, 320))).astype(np.float32)
mask = np.zeros((320, 320), np.uint8)
mask[150:170, 20:300] = 255
fill = np.full((np.count_nonzero(mask), 3), 0.5, np.float32)
pixels = add_grain(Filled("scan", fill, [Rect(150, 20, 170, 300)], 0.0), scan, mask, 1).pixels
assert pixels.std() > 0.01 and (pixels == pixels[:, :1]).all()
"""


def test_a_grey_scan_stays_grey_with_the_linear_algebra_of_another_cpu() -> None:
    environment = os.environ | {"OPENBLAS_CORETYPE": "Haswell"}
    subprocess.run([sys.executable, "-c", GREY], check=True, env=environment, cwd=Path(pipeline.__file__).parents[1])


def test_edges_and_textures_are_not_taken_for_grain() -> None:
    rows, columns = np.mgrid[:320, :320]
    picture = 0.5 + 0.2 * ((rows // 12 + columns // 12) % 2) * (columns > 130)
    picture += np.random.default_rng(0).standard_normal(picture.shape) * 0.01
    mask = np.zeros((320, 320), np.uint8)
    mask[100:140, 60:260] = 255
    plain = fill(picture.astype(np.float32), mask)
    noise = paste(picture, mask, add_grain(plain, picture, mask, 1)) - paste(picture, mask, plain)
    assert noise[mask > 0].std() < 0.02


@pytest.mark.parametrize("kind", ["flat", "small", "white"])
def test_no_grain_is_added_where_none_can_be_estimated(kind: str) -> None:
    size = 24 if kind == "small" else 200
    picture = np.full((size, size, 3), 255 if kind == "white" else 128, np.uint8)
    mask = np.zeros((size, size), np.uint8)
    mask[5:15, 5:15] = 255
    plain = fill(picture, mask)
    filled = add_grain(plain, picture, mask, 1)
    assert np.array_equal(plain.pixels, filled.pixels)
    assert "no grain added" in filled.notes[-1]
