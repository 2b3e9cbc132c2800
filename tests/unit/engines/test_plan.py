from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engines.interface import WindowLayout
from pipeline.engines.plan import Plan, plan

LAYOUT = WindowLayout(sizes=(64, 96, 128, 192), context=32, depth=16)


def dust(height: int, width: int, count: int, largest: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(count):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(mask, centre, int(rng.integers(0, largest)), 255, -1)
    return mask


def pixels(planned: Plan) -> int:
    return sum(window.shape[0] * window.shape[1] for window in planned.windows)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 12), st.integers(1, 120), st.integers(0, 99))
def test_every_damaged_pixel_is_in_a_core_and_every_core_in_its_window(
    height: int, width: int, count: int, largest: int, seed: int
) -> None:
    mask = dust(height, width, count, largest, seed)
    if mask.all():
        return
    covered = np.zeros_like(mask)
    for window in plan(mask, LAYOUT).windows:
        covered[window.core.slices] = 1
        assert window.rect.intersect(window.core) == window.core
        assert all(side % 16 == 0 and side <= 192 for side in window.shape)
        for start, stop, size in zip(window.rect[:2], window.rect[2:], mask.shape, strict=True):
            # A window leaves the picture only where the picture is smaller than the window.
            inside = start >= 0 and stop <= -(-size // window.scale) * window.scale
            assert inside or (start == 0 and size < stop)
    assert covered[mask != 0].all()


def test_no_damage_and_nothing_but_damage_need_no_window() -> None:
    assert plan(np.zeros((50, 70), np.uint8), LAYOUT) == Plan((), None)
    assert plan(np.zeros((0, 70), np.uint8), LAYOUT).windows == ()
    whole = plan(np.full((50, 70), 255, np.uint8), LAYOUT)
    assert whole.windows == () and whole.fully_masked


def test_work_grows_with_damage_and_not_with_the_scan() -> None:
    small, large = np.zeros((600, 800), np.uint8), np.zeros((6000, 8000), np.uint8)
    cv2.line(small, (100, 100), (700, 500), 255, 3)
    cv2.line(large, (3100, 3100), (3700, 3500), 255, 3)
    assert pixels(plan(large, LAYOUT)) <= 1.25 * pixels(plan(small, LAYOUT))


def test_planning_fifty_megapixels_is_cheap() -> None:
    mask = dust(6000, 8400, 500, 12)
    times = []
    for _ in range(3):
        started = time.process_time()
        plan(mask, LAYOUT)
        times.append(time.process_time() - started)
    assert min(times) < 1.0


def test_close_damage_shares_a_window_and_distant_damage_does_not() -> None:
    near, far = np.zeros((1000, 1000), np.uint8), np.zeros((1000, 1000), np.uint8)
    near[500:504, 500:504] = near[520:524, 510:514] = 255
    far[100:104, 100:104] = far[800:804, 800:804] = 255
    assert len(plan(near, LAYOUT).windows) == 1
    assert len(plan(far, LAYOUT).windows) == 2


def test_a_diagonal_scratch_is_followed_not_boxed() -> None:
    mask = np.zeros((4000, 4000), np.uint8)
    cv2.line(mask, (0, 0), (3999, 3999), 255, 2)
    assert pixels(plan(mask, LAYOUT)) < 0.15 * mask.size


@pytest.mark.parametrize("radius", [30, 100, 300])
def test_every_window_sees_something_intact_at_its_scale(radius: int) -> None:
    mask = np.zeros((1000, 1000), np.uint8)
    cv2.circle(mask, (500, 500), radius, 255, -1)
    planned = plan(mask, LAYOUT)
    assert planned.field is not None
    for window in planned.windows:
        assert (mask[window.rect.grow(0, mask.shape).slices] == 0).any()
    assert max(window.level for window in planned.windows) == np.ceil(planned.field.max())


def test_a_loss_at_the_border_is_as_deep_as_it_reaches_inwards() -> None:
    mask = np.zeros((512, 512), np.uint8)
    mask[:, :128] = 255
    assert max(window.level for window in plan(mask, LAYOUT).windows) == 4
