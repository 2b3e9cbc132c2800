from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pipeline.engines import load_engine
from pipeline.engines.holdout_estimate import estimate
from pipeline.metrics import fidelity, l1, psnr, seam, sharpness, ssim


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, the same with noise in a mask, and the mask; more than one tile in size."""
    rng = np.random.default_rng(0)
    truth = cv2.resize(data.astronaut(), (650, 540))
    mask = np.zeros(truth.shape[:2], np.uint8)
    cv2.line(mask, (5, 3), (640, 400), 255, 3)
    cv2.circle(mask, (520, 505), 14, 255, -1)
    mask[0, :40] = 255
    noisy = np.clip(truth + rng.normal(0, 30, truth.shape), 0, 255).astype(np.uint8)
    return truth, np.where(mask[:, :, None] != 0, noisy, truth), mask


def reference_ssim(a: np.ndarray, b: np.ndarray, data_range: float) -> float:
    return structural_similarity(
        a, b, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        channel_axis=2 if a.ndim == 3 else None,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["rgb", "grey", "uint16", "float"])
def test_psnr_and_ssim_are_those_of_scikit_image(pair: tuple[np.ndarray, ...], kind: str) -> None:
    a, b, _ = pair
    data_range: float = {"rgb": 255, "grey": 255, "uint16": 65535, "float": 1.0}[kind]
    if kind == "grey":
        a, b = a[:, :, 0], b[:, :, 0]
    elif kind == "uint16":
        a, b = a.astype(np.uint16) * 257, b.astype(np.uint16) * 257
    elif kind == "float":
        a, b = a / 255.0, b / 255.0
    assert psnr(a, b, data_range=data_range) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=data_range))
    assert ssim(a, b, data_range=data_range) == pytest.approx(
        reference_ssim(a.astype(float), b.astype(float), data_range), abs=1e-9
    )


def test_what_is_known_to_be_equal_need_not_be_computed(pair: tuple[np.ndarray, ...]) -> None:
    a, b, mask = pair
    for metric in (psnr, ssim, l1):
        whole = metric(a, b, data_range=255)
        assert metric(a, b, data_range=255, differing=mask) == pytest.approx(whole, rel=1e-12)
        hole = metric(a, b, data_range=255, mask=mask)
        assert metric(a, b, data_range=255, mask=mask, differing=mask) == pytest.approx(hole, rel=1e-12)
        half = mask.copy()
        half[:, 300:] = 0
        part = metric(a, b, data_range=255, mask=half)
        assert metric(a, b, data_range=255, mask=half, differing=mask) == pytest.approx(part, rel=1e-12)


def test_the_hole_alone_is_worse_by_its_share(pair: tuple[np.ndarray, ...]) -> None:
    a, b, mask = pair
    gain = 10 * math.log10(mask.size / np.count_nonzero(mask))
    assert psnr(a, b, data_range=255) == pytest.approx(psnr(a, b, data_range=255, mask=mask) + gain)
    assert ssim(a, b, data_range=255, mask=mask) < ssim(a, b, data_range=255)
    assert l1(a, b, data_range=255) < l1(a, b, data_range=255, mask=mask) < 0.15


def test_equal_pictures_and_empty_masks() -> None:
    a = np.zeros((20, 20), np.uint8)
    assert psnr(a, a, data_range=255) == math.inf
    assert ssim(a, a, data_range=255) == 1 and l1(a, a, data_range=255) == 0
    for metric in (psnr, ssim, l1):
        assert math.isnan(metric(a, a, data_range=255, mask=a))
    assert math.isnan(ssim(a[:10], a[:10], data_range=255))


def test_shapes_must_fit() -> None:
    a = np.zeros((20, 20), np.uint8)
    for metric in (psnr, ssim, l1):
        with pytest.raises(ValueError, match="alike"):
            metric(a, a[:10], data_range=255)
        with pytest.raises(ValueError, match="fit"):
            metric(a, a, data_range=255, mask=a[:10])
    with pytest.raises(ValueError, match="depths"):
        fidelity(a, a.astype(np.uint16), a)


def test_fidelity_counts_what_changed_and_finds_a_single_bit_outside(pair: tuple[np.ndarray, ...]) -> None:
    before, after, mask = pair
    found = fidelity(before, after, mask)
    assert found.outside_identical and found.outside_changed == 0
    assert found.changed_share <= np.count_nonzero(mask) / mask.size
    assert found.changed_share == pytest.approx((before != after).any(axis=2).mean())
    touched = after.copy()
    touched[500, 10, 2] ^= 1
    assert not fidelity(before, touched, mask).outside_identical
    assert fidelity(before, touched, mask).outside_changed == 1


def test_fidelity_compares_bits_not_values() -> None:
    before = np.array([[np.nan, 0.0, 1.0]], np.float32)
    nothing = np.zeros((1, 3), np.uint8)
    assert fidelity(before, before.copy(), nothing).outside_identical
    assert fidelity(before, np.array([[np.nan, -0.0, 1.0]], np.float32), nothing).outside_changed == 1


def test_a_seam_shows_where_the_tone_is_wrong(pair: tuple[np.ndarray, ...]) -> None:
    truth, _, mask = pair
    right = seam(truth, truth, mask, data_range=255)
    assert 0.7 < right.score < 1.4
    wrong = np.where(mask[:, :, None] != 0, np.clip(truth.astype(int) + 30, 0, 255), truth).astype(np.uint8)
    assert seam(truth, wrong, mask, data_range=255).score > 1.8 * right.score
    wide = seam(truth.astype(np.uint16) * 257, truth.astype(np.uint16) * 257, mask, data_range=65535)
    assert wide.score == pytest.approx(right.score)
    assert math.isnan(seam(truth, truth, np.zeros_like(mask), data_range=255).score)


def test_a_seam_is_measured_the_same_tile_by_tile(
    pair: tuple[np.ndarray, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, after, mask = pair
    tiled = seam(truth, after, mask, data_range=255), sharpness(after, mask), sharpness(after, mask, original=truth)
    monkeypatch.setattr("pipeline.metrics.tiles.TILE", 10000)
    whole = seam(truth, after, mask, data_range=255), sharpness(after, mask), sharpness(after, mask, original=truth)
    assert tiled[0].rim == pytest.approx(whole[0].rim)
    assert tiled[0].inside == pytest.approx(whole[0].inside)
    assert tiled[0].around == pytest.approx(whole[0].around)
    assert tiled[1:] == pytest.approx(whole[1:])


def test_sharpness_distinguishes_blur_from_detail(pair: tuple[np.ndarray, ...]) -> None:
    truth, noisy, mask = pair
    blurred = np.where(mask[:, :, None] != 0, cv2.GaussianBlur(truth, (0, 0), 4), truth)
    assert sharpness(truth, mask, original=truth) == 1
    assert sharpness(blurred, mask, original=truth) < 0.6
    assert sharpness(noisy, mask, original=truth) > 1.5
    assert sharpness(blurred, mask) < sharpness(truth, mask) < sharpness(noisy, mask)
    assert math.isnan(sharpness(truth, np.zeros_like(mask)))
    assert math.isnan(sharpness(np.zeros_like(truth), mask))


def test_an_estimate_is_close_to_the_measured_value() -> None:
    truth = data.astronaut()
    mask = np.zeros(truth.shape[:2], np.uint8)
    for x in range(20, 500, 60):
        cv2.line(mask, (x, 10), (x + 15, 500), 255, 3)
    engine = load_engine("telea")
    from pipeline.engines import Job, inpaint, paste

    (filled,) = inpaint([Job("", truth, mask)], engine)
    measured = psnr(truth / 255, paste(truth, mask, filled), data_range=1, mask=mask)
    found = estimate(truth, mask, engine, seed=1, count=24)
    assert found.samples >= 20
    assert found.low < found.psnr < found.high
    assert abs(found.psnr - measured) < 3
    assert estimate(truth, mask, engine, seed=1, count=24) == found


def test_an_estimate_without_intact_surroundings_is_absent() -> None:
    truth = data.astronaut()[:64, :64]
    engine = load_engine("telea")
    for mask in (np.zeros((64, 64), np.uint8), np.full((64, 64), 255, np.uint8)):
        found = estimate(truth, mask, engine)
        assert found.samples == 0 and math.isnan(found.psnr)
    constant = np.zeros((300, 300), np.uint8)
    spot = np.zeros((300, 300), np.uint8)
    spot[100:104, 100:104] = 255
    assert estimate(constant, spot, engine).psnr == 96
