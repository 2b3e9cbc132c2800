"""The classical detector: clean pictures stay empty, plain damage is found, nothing depends on depth or alpha."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.detection.classical.local_contrast import local_contrast
from pipeline.detection.load import load_detector
from pipeline.errors import ConfigurationError

detect = load_detector("classical").detect


def scratched() -> tuple[np.ndarray, np.ndarray]:
    """A soft dark scene with white scratches and specks, and where they are."""
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[0:320, 0:400].astype(np.float32)
    scene = 70 + 40 * np.sin(xs / 90) * np.cos(ys / 70) + rng.normal(0, 1.5, xs.shape)
    truth = np.zeros(scene.shape, np.uint8)
    cv2.line(truth, (40, 20), (70, 300), 255, 2, cv2.LINE_AA)
    cv2.line(truth, (300, 30), (330, 200), 255, 2, cv2.LINE_AA)
    for x, y in ((150, 60), (200, 250), (250, 120), (120, 200)):
        cv2.circle(truth, (x, y), 2, 255, -1, cv2.LINE_AA)
    alpha = truth[..., None].astype(np.float32) / 255
    picture = np.repeat(scene[..., None], 3, axis=2) * (1 - alpha) + 245 * alpha
    return np.clip(picture, 0, 255).astype(np.uint8), truth


def recall(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask[truth > 128] > 0).mean())


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee"])
def test_clean_photographs_have_next_to_nothing_to_repair(name: str) -> None:
    found = detect(getattr(skimage.data, name)(), dilate=0)
    assert (found.repair > 0).mean() < 0.0005
    assert found.review is None


def test_plain_damage_is_found_with_a_reason() -> None:
    picture, truth = scratched()
    found = detect(picture)
    assert recall(found.suggest, truth) > 0.8
    assert recall(found.repair, truth) > 0.5
    outside = cv2.dilate(truth, np.ones((13, 13), np.uint8)) == 0
    assert not found.repair[outside].any()
    assert ((found.suggest > 0) >= (found.repair > 0)).all()
    for component in found.components:
        assert component.level in ("repair", "suggest")
        assert component.probability is not None
        assert 0 <= component.probability <= 1
        assert component.area > 0
        assert "brighter" in component.reason or "darker" in component.reason


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_are_empty(value: int) -> None:
    found = detect(np.full((90, 70), value, np.uint8))
    assert not found.suggest.any()
    assert found.components == []


def test_sixteen_bits_grey_and_alpha_give_the_same_mask() -> None:
    picture, _ = scratched()
    grey = picture[:, :, 0]
    wanted = detect(grey).suggest
    assert np.array_equal(detect(grey.astype(np.uint16) * 257).suggest, wanted)
    assert np.array_equal(detect(np.stack([grey, np.full_like(grey, 255)], axis=2)).suggest, wanted)
    layered = np.dstack([picture, np.full_like(grey, 255)])
    layered[:, :200, 3] = 0
    assert not detect(layered, dilate=0).suggest[:, :200].any(), "what is transparent is no damage"


def test_sensitivity_and_dilation_only_add() -> None:
    picture, _ = scratched()
    plain = detect(picture, dilate=0)
    keen = detect(picture, dilate=0, sensitivity=3)
    wide = detect(picture, dilate=3)
    assert (keen.repair > 0).sum() >= (plain.repair > 0).sum()
    assert ((wide.repair > 0) >= (plain.repair > 0)).all()
    assert (wide.repair > 0).sum() > (plain.repair > 0).sum()


def test_too_much_damage_goes_to_review() -> None:
    picture, _ = scratched()
    found = detect(picture, max_coverage=0.001)
    assert found.review is not None
    assert "%" in found.review


def test_tiles_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, _ = scratched()
    whole = local_contrast(picture[:, :, 0])
    monkeypatch.setattr("pipeline.detection.classical.local_contrast.TILE", 128)
    tiled = local_contrast(picture[:, :, 0])
    for first, second in zip(whole, tiled, strict=True):
        difference = np.abs(first.score.astype(int) - second.score.astype(int))
        assert (difference > 2).mean() < 0.002


def test_detectors_by_name() -> None:
    assert load_detector("classical").digest != load_detector("none").digest
    assert not load_detector("none").detect(scratched()[0]).suggest.any()
    with pytest.raises(ConfigurationError, match="classical"):
        load_detector("oracle")


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (31, 17, 3)])
def test_odd_sizes(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    assert detect(pixels).repair.shape == shape[:2]
