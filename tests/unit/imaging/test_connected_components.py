"""Components kept as runs are those that OpenCV labels, in its order, with the same measures, in less memory."""

import cv2
import numpy as np
import pytest

from pipeline.detection.components import classify_shape
from pipeline.imaging import connected_components as module
from pipeline.imaging import resolution
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.resolution import stroke_width


def masks() -> list[np.ndarray]:
    """Noise of every density, and shapes whose parts meet late."""
    rng = np.random.default_rng(5)
    found = [
        (rng.random(rng.integers(1, 60, 2)) < share).astype(np.uint8)
        for share in (0.02, 0.1, 0.3, 0.45, 0.6, 0.9, 1.0)
        for _ in range(6)
    ]
    comb = np.zeros((41, 40), np.uint8)
    comb[:, ::2], comb[-1] = 1, 1
    snake = np.zeros((41, 40), np.uint8)
    snake[::2], snake[1::4, 0], snake[3::4, -1] = 1, 1, 1
    return [*found, comb, snake, comb.T.copy(), np.zeros((7, 9), np.uint8), np.ones((1, 1), np.uint8)]


def labelled(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return np.asarray(labels), np.asarray(stats[1:])


def blots(shape: tuple[int, int], share: float, wide: float) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(8).random(shape).astype(np.float32), (0, 0), wide)
    return (noise > np.quantile(noise, 1 - share)).astype(np.uint8)


@pytest.mark.parametrize(("rows", "pixels"), [(256, 1 << 20), (3, 16)])
def test_components_are_those_that_opencv_labels(rows: int, pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    monkeypatch.setattr(module, "PIXELS", pixels)
    for mask in masks():
        labels, stats = labelled(mask)
        components = connected_components(mask)
        assert len(components) == len(stats)
        assert np.array_equal(components.boxes, stats[:, :4]) and np.array_equal(components.areas, stats[:, 4])
        values = (np.arange(len(components)) % 255 + 1).astype(np.uint8)
        assert np.array_equal(components.paint(values), np.concatenate([[np.uint8(0)], values])[labels])


def test_measures_of_components_are_those_of_their_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIXELS", 50)
    plane = np.random.default_rng(2).integers(0, 256, (60, 70)).astype(np.uint8)
    labels, stats = labelled((plane >= 170).astype(np.uint8))
    components = connected_components(plane, 170)
    owned = [plane[labels == number] for number in range(1, len(stats) + 1)]
    assert components.maxima(plane).tolist() == [values.max() for values in owned]
    assert components.sums(plane).tolist() == [values.sum() for values in owned]
    assert components.sums(plane > 200).tolist() == [(values > 200).sum() for values in owned]


def test_a_part_of_the_mask_shows_its_components() -> None:
    mask = blots((80, 90), 0.4, 2)
    labels, _ = labelled(mask)
    components = connected_components(mask)
    x, y, width, height = 11, 7, 40, 33
    part = labels[y : y + height, x : x + width]
    numbers, areas, spans = components.within((x, y, width, height))
    assert numbers.tolist() == [number - 1 for number in np.unique(part) if number] and len(numbers) > 2
    for number, area, span in zip(numbers.tolist(), areas.tolist(), spans.tolist(), strict=True):
        places = np.nonzero(part == number + 1)
        assert area == len(places[0]) and span == max(np.ptp(one) + 1 for one in places)
    index = int(components.areas.argmax())
    beyond = components.inside(index, (-5, -6, 105, 100))
    assert np.array_equal(beyond[6:86, 5:95], labels == index + 1)
    assert beyond.sum() == components.areas[index]


@pytest.mark.parametrize(("side", "around"), [(1024, 256), (16, 12), (16, 2)])
def test_strokes_are_as_wide_in_tiles_as_in_one(side: int, around: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolution, "TILE", side)
    monkeypatch.setattr(resolution, "AROUND", around)
    mask = blots((200, 150), 0.35, 4)
    cv2.line(mask, (2, 3), (140, 190), 1, 3)
    mask[:, :2] = 1
    labels, stats = labelled(mask)
    components = connected_components(mask)
    kinds = set()
    for index, (x, y, width, height, area) in enumerate(stats.tolist()):
        inside = labels[y : y + height, x : x + width] == index + 1
        deepest = cv2.distanceTransform(np.pad(inside.astype(np.uint8), 1), cv2.DIST_L2, 3).max()
        wanted = max(1.0, 2 * float(deepest) - 1)
        assert stroke_width(components, index) == wanted
        kind, shape, measured = classify_shape(components, index, 1.0)
        assert measured == wanted
        if "long" in shape:
            spread = np.linalg.eigvalsh(np.cov(np.stack(np.nonzero(inside)).astype(np.float64)))
            straight = np.sqrt(spread[0] / spread[1])
            assert kind == ("scratch" if straight < 0.05 else "hair" if straight < 0.35 else "crack"), area
        kinds.add(kind)
    assert len(kinds) > 2


def test_a_straight_line_is_a_scratch_and_a_bent_one_none() -> None:
    mask = np.zeros((300, 300), np.uint8)
    mask[20:280, 10] = 1
    cv2.ellipse(mask, (150, 150), (90, 90), 0, 0, 200, 1, 2)
    assert {classify_shape(connected_components(mask), index, 1.0)[0] for index in (0, 1)} == {"scratch", "crack"}
