"""Where pieces are held out for an estimate, and what hides them."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.engines import WindowLayout
from pipeline.engines.holdout_estimate import GAP, SIDE, HeldOut, Sample, held_out, summarise
from pipeline.engines.plan import plan

LAYOUT = WindowLayout(sizes=(128, 192, 256), context=48, depth=12)


def hidden_of(count: int) -> tuple[np.ndarray, list[HeldOut]]:
    rng = np.random.default_rng(3)
    scan, mask = rng.integers(0, 256, (600, 800, 3), dtype=np.uint8), np.zeros((600, 800), np.uint8)
    for place in rng.integers(150, 450, (6, 2)):
        cv2.circle(mask, place.tolist(), 20, 255, -1)
    return mask, held_out("scan", scan, mask, LAYOUT, seed=1, count=count)


def test_pieces_share_windows_and_lie_apart_on_intact_ground() -> None:
    _, hidden = hidden_of(12)
    assert sum(len(one.pieces) for one in hidden) == 12
    assert any(len(one.pieces) > 1 for one in hidden)
    assert len({one.job.key for one in hidden}) == len(hidden)
    for one in hidden:
        assert 1 <= len(one.pieces) <= 4
        inside = np.zeros(one.job.mask.shape, bool)
        for number, piece in enumerate(one.pieces):
            inside[piece.slices] = True
            assert piece.height <= SIDE and one.job.mask[piece.slices].any()
            for other in one.pieces[:number]:
                assert max(abs(piece.top - other.top), abs(piece.left - other.left)) >= SIDE + GAP
        assert not one.job.mask[~inside].any()
        assert one.job.unknown is not None and not (one.job.mask & one.job.unknown).any()


def test_each_is_filled_as_one_window_at_its_own_scale() -> None:
    for one in hidden_of(12)[1]:
        windows = plan(one.job.mask, LAYOUT, native=one.job.native).windows
        assert [window.level for window in windows] == [0]


def test_a_scan_smaller_than_a_window_holds_pieces_too() -> None:
    scan, mask = np.zeros((90, 100, 3), np.uint8), np.zeros((90, 100), np.uint8)
    mask[10:16, 10:16] = 255
    hidden = held_out("small", scan, mask, LAYOUT, count=3)
    assert hidden and all(one.job.mask.shape[0] <= 90 and one.job.mask.any() for one in hidden)


def test_the_range_holds_the_estimate() -> None:
    samples = [Sample(squares, 100) for squares in (*[0.001] * 15, 5.0)]
    found = summarise(samples)
    # One bad piece of sixteen has nearly all of the error.
    assert found.low == found.psnr < 30 < found.high
