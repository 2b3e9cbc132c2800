"""An engine's colours are put under the mask at native depth, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.scans import Scan, ScanInfo, colour, native_values, visible_channels
from pipeline.scans.model import CHANNELS, Mode

rng = np.random.default_rng(11)


def scan(mode: Mode, depth: int, pixels: NDArray[Any] | None = None) -> Scan:
    channels = CHANNELS[mode]
    shape = (20, 30) if channels == 1 else (20, 30, channels)
    if pixels is None:
        pixels = rng.integers(0, 2**depth, shape, dtype=np.dtype(f"uint{depth}"))
    return Scan(pixels, ScanInfo("PNG", 30, 20, channels, depth, 1, 1, mode))


def filled_scan(source: Scan, colours: NDArray[np.float32], mask: NDArray[np.uint8]) -> Scan:
    """Returns the scan with native values under the mask, as stages put them there; colours are (H,W,3)."""
    pixels = source.pixels.copy()
    pixels[mask > 0] = native_values(source, mask, colours[mask > 0])
    return replace(source, pixels=pixels)


EVERY = [(mode, depth) for mode in CHANNELS for depth in (8, 16)]


@pytest.mark.parametrize(("mode", "depth"), EVERY)
def test_colours_are_float_rgb(mode: Mode, depth: int) -> None:
    found = colour(scan(mode, depth))
    assert found.shape == (20, 30, 3)
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1


@pytest.mark.parametrize(("mode", "depth"), EVERY)
def test_nothing_outside_the_mask_changes_and_alpha_never(mode: Mode, depth: int) -> None:
    source = scan(mode, depth)
    before = source.pixels.copy()
    mask = np.zeros((20, 30), np.uint8)
    mask[4:9, 5:20] = 255
    after = filled_scan(source, rng.random((20, 30, 3), dtype=np.float32), mask).pixels
    np.testing.assert_array_equal(source.pixels, before)
    np.testing.assert_array_equal(after[mask == 0], before[mask == 0])
    assert (after[mask > 0] != before[mask > 0]).any()
    if mode in ("LA", "RGBA"):
        np.testing.assert_array_equal(after[..., -1], before[..., -1])


@pytest.mark.parametrize(("mode", "depth"), [case for case in EVERY if case[0] != "CMYK"])
def test_a_scan_s_own_colours_are_restored_bit_by_bit(mode: Mode, depth: int) -> None:
    source = scan(mode, depth)
    mask = np.full((20, 30), 255, np.uint8)
    np.testing.assert_array_equal(filled_scan(source, colour(source), mask).pixels, source.pixels)


@pytest.mark.parametrize("depth", [8, 16])
def test_every_level_of_grey_survives(depth: int) -> None:
    levels = np.arange(2**depth, dtype=np.dtype(f"uint{depth}")).reshape(16, -1)
    source = Scan(levels, ScanInfo("PNG", levels.shape[1], 16, 1, depth, 1, 1, "L"))
    again = filled_scan(source, colour(source), np.full(levels.shape, 1, np.uint8))
    np.testing.assert_array_equal(again.pixels, levels)


def test_colours_out_of_range_are_clipped_and_not_wrapped() -> None:
    mask = np.full((20, 30), 255, np.uint8)
    filled = np.full((20, 30, 3), 1.2, np.float32)
    filled[:10] = -0.3
    for mode, depth in EVERY:
        found = visible_channels(filled_scan(scan(mode, depth), filled, mask))
        assert (found[10:] == 2**depth - 1).all()
        assert (found[:10] == 0).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_inks_give_the_colour_that_was_asked_for(depth: int) -> None:
    source = scan("CMYK", depth)
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 5:25] = 255
    wanted = rng.random((20, 30, 3), dtype=np.float32)
    found = colour(filled_scan(source, wanted, mask))
    assert np.abs(found - wanted)[mask > 0].max() < (0.02 if depth == 8 else 0.001)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_black_has_the_share_that_it_has_around_the_damage(share: float) -> None:
    light = np.linspace(0.2, 0.8, 30, dtype=np.float32)
    black = np.broadcast_to(share * (1 - light), (20, 30))
    chroma = 1 - light / (1 - black)
    inks = np.rint(np.dstack([chroma, chroma, chroma, black]) * 65535).astype(np.uint16)
    source = scan("CMYK", 16, inks)
    mask = np.zeros((20, 30), np.uint8)
    mask[8:12, 8:22] = 255
    after = filled_scan(source, colour(source), mask)
    np.testing.assert_allclose(after.pixels, inks, atol=500)


def test_values_come_in_the_order_of_the_mask() -> None:
    source = scan("RGB", 8)
    mask = (rng.random((20, 30)) > 0.5).astype(np.uint8)
    values = native_values(source, mask, colour(source)[mask > 0])
    np.testing.assert_array_equal(values, source.pixels[mask > 0])


def test_visible_shares_memory_where_it_can() -> None:
    for mode in ("L", "LA", "RGB", "RGBA"):
        source = scan(mode, 16)  # type: ignore[arg-type]
        assert np.shares_memory(visible_channels(source), source.pixels)
        assert visible_channels(source).dtype == np.uint16
