"""Simulated damage: deterministic, honest masks, any depth and number of channels."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from pipeline.simulation import KINDS, simulate


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return skimage.data.astronaut()[:256, 100:356]


def test_the_same_seed_gives_the_same_damage(astronaut: np.ndarray) -> None:
    first = simulate(astronaut, np.random.default_rng(3))
    second = simulate(astronaut, np.random.default_rng(3))
    other = simulate(astronaut, np.random.default_rng(4))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.mask, second.mask)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_marks_what_it_changed(astronaut: np.ndarray, kind: str) -> None:
    for seed in range(6):
        result = simulate(astronaut, np.random.default_rng(seed), [kind], 1.5, ageing=0)
        if result.mask.any():
            break
    assert set(np.unique(result.mask)) <= {0, 255}
    assert result.mask.any(), "six tries and nothing to be seen"
    assert set(result.kinds) == {kind}
    difference = np.abs(result.pixels.astype(int) - result.original.astype(int)).max(axis=2)
    assert difference[result.mask > 0].min() >= 7
    assert difference[result.mask == 0].max() <= 8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [0, 2, 3, 4])
def test_depth_and_channels_are_kept(astronaut: np.ndarray, dtype: type, channels: int) -> None:
    grey = astronaut[:96, :128, 0]
    pixels = grey if channels == 0 else np.stack([grey] * channels, axis=2)
    pixels = (pixels.astype(dtype) * 257).astype(dtype) if dtype is np.uint16 else pixels.copy()
    before = pixels.copy()
    result = simulate(pixels, np.random.default_rng(1), ["scratch", "dust"], 1.5)
    assert result.pixels.shape == pixels.shape
    assert result.pixels.dtype == dtype
    assert result.mask.shape == pixels.shape[:2]
    assert np.array_equal(pixels, before), "what was given is never written"
    if channels in (2, 4):
        assert np.array_equal(result.pixels[..., -1], pixels[..., -1]), "transparency stays"


def test_damage_grows_with_the_picture() -> None:
    flat = np.full((200, 200), 90, np.uint8)
    large = np.full((1600, 1600), 90, np.uint8)
    shares = []
    for picture in (flat, large):
        covered = [simulate(picture, np.random.default_rng(s), ["hair"], ageing=0).mask.mean() for s in range(6)]
        shares.append(np.mean(covered))
    assert 0.25 < shares[1] / shares[0] < 4


def test_no_kinds_and_no_ageing_change_nothing(astronaut: np.ndarray) -> None:
    result = simulate(astronaut, np.random.default_rng(0), [], ageing=0)
    assert np.array_equal(result.pixels, astronaut)
    assert not result.mask.any()


def test_grey_scans_stay_grey() -> None:
    grey = skimage.data.camera()[:128, :128]
    result = simulate(np.stack([grey, np.full_like(grey, 255)], axis=2), np.random.default_rng(2), ["flake"])
    assert result.pixels.shape[2] == 2


def test_unknown_kinds_are_named() -> None:
    with pytest.raises(ValueError, match="moths"):
        simulate(np.zeros((32, 32), np.uint8), np.random.default_rng(0), ["moths"])


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (17, 9, 3)])
def test_tiny_pictures_do_no_harm(shape: tuple[int, ...]) -> None:
    for seed in range(8):
        result = simulate(np.full(shape, 120, np.uint8), np.random.default_rng(seed), list(KINDS), 1.0)
        assert result.pixels.shape == shape


def test_a_print_in_dots_keeps_tones_and_is_drawn_only_when_asked_for() -> None:
    ramp = np.repeat(np.linspace(30, 225, 256).astype(np.uint8)[None], 256, axis=0)
    plain = simulate(ramp, np.random.default_rng(5), [], ageing=0)
    dots = simulate(ramp, np.random.default_rng(5), [], ageing=0, halftone=1.0).pixels
    assert np.array_equal(plain.pixels, ramp)
    assert not np.array_equal(dots, ramp)
    coarse = np.asarray([dots[:, column : column + 32].mean() for column in range(0, 256, 32)])
    assert (np.diff(coarse) > 0).all(), "seen from afar it is the same picture"
    middle = dots[:, 112:144].astype(float)
    assert middle.std() > 40, "from near it is dots"


def test_without_halftone_the_same_stream_gives_the_same_picture(astronaut: np.ndarray) -> None:
    one = simulate(astronaut, np.random.default_rng(9))
    assert np.array_equal(one.pixels, simulate(astronaut, np.random.default_rng(9), halftone=0.0).pixels)


def test_variety_draws_unusual_damage(astronaut: np.ndarray) -> None:
    def dark_share(variety: float) -> float:
        dark = bright = 0
        for seed in range(12):
            made = simulate(astronaut, np.random.default_rng(seed), ["dust", "hair"], 1.5, ageing=0, variety=variety)
            change = made.pixels.astype(int).sum(axis=2) - made.original.astype(int).sum(axis=2)
            dark, bright = dark + int((change < -30).sum()), bright + int((change > 30).sum())
        return dark / max(1, dark + bright)

    assert dark_share(1.0) > dark_share(0.0) + 0.05
    aged = simulate(astronaut, np.random.default_rng(3), ["flake"], ageing=1.0, variety=1.0)
    untouched = aged.mask == 0
    # What is not marked may differ by less than can be seen: 3 % of the range and .7 of the grain, at most .11.
    unseen = (0.03 + 0.7 * 0.11) * 255 + 1
    assert np.abs(aged.pixels.astype(int) - aged.original)[untouched].max() <= unseen
