"""Hard negatives: drawn in the picture's own colours, seen where they are drawn, harmless on any picture."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from pipeline.simulation.distractors import add_distractor, lights, lines, materials

DRAWN = (
    lines.text, lines.wires, lines.fence, lines.lattice, lines.field, lines.rims,
    lights.sparkles, lights.discs, materials.pattern,
)  # fmt: skip
LAID = (lights.clouds, materials.cloth, materials.border)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut()[:256, 100:420])


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_something_is_drawn_and_not_everywhere(astronaut: np.ndarray, draw) -> None:
    shares = []
    for seed in range(8):
        alpha = np.zeros(astronaut.shape[:2], np.uint8)
        colour = draw(alpha, astronaut, np.random.default_rng(seed))
        assert colour.shape == (3,) and colour.min() >= 0 and colour.max() <= 255
        shares.append(float((alpha > 0).mean()))
    assert 0 < max(shares) < 0.8


@pytest.mark.parametrize("lay", LAID, ids=lambda lay: lay.__name__)
def test_what_is_laid_over_a_picture_leaves_most_of_it(astronaut: np.ndarray, lay) -> None:
    before = astronaut.copy()
    changed = [float((lay(astronaut, np.random.default_rng(seed)) != before).any(axis=2).mean()) for seed in range(8)]
    assert 0 < np.median(changed) < 0.7
    assert np.array_equal(astronaut, before), "what was given is never written"


def test_clouds_are_brighter_above_than_below() -> None:
    dark = np.full((256, 256, 3), 60, np.uint8)
    above = below = 0.0
    for seed in range(12):
        gain = lights.clouds(dark, np.random.default_rng(seed)).mean(axis=(1, 2)) - 60.0
        middle = int(np.searchsorted(np.cumsum(gain), gain.sum() / 2))
        above += float(np.abs(np.diff(gain[:middle])).max(initial=0))
        below += float(np.abs(np.diff(gain[middle:])).max(initial=0))
    assert above > below


@pytest.mark.parametrize("shape", [(288, 288, 3), (40, 300, 3), (12, 9, 3)])
def test_any_size_and_a_constant_picture_do_no_harm(shape: tuple[int, int, int]) -> None:
    for seed in range(60):
        result = add_distractor(np.full(shape, 128, np.uint8), np.random.default_rng(seed))
        assert result.shape == shape and result.dtype == np.uint8


def test_the_same_seed_draws_the_same(astronaut: np.ndarray) -> None:
    first, second = (add_distractor(astronaut, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
