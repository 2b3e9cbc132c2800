"""A rim is added where a mark's soft edge is seen, and not where the picture is intact."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.detection import rim
from pipeline.detection.rim import add_rims, dilate_mask


def scratched(depth: type = np.uint8) -> tuple[np.ndarray, np.ndarray]:
    """Return a grained picture with a blurred white scratch seven pixels wide, and where the scratch is seen."""
    rng = np.random.default_rng(3)
    grey = rng.normal(100, 2, (120, 160))
    alpha = np.zeros(grey.shape)
    alpha[:, 60:67] = 1
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1)
    picture = (grey + alpha * (250 - grey)).clip(0, 255)
    pixels = np.repeat(picture[:, :, np.newaxis], 3, axis=2).astype(depth)
    return pixels * (257 if depth is np.uint16 else 1), alpha


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_soft_edge_gets_its_rim_and_what_lies_beyond_does_not(depth):
    pixels, alpha = scratched(depth)
    tight = np.where(alpha > 0.9, np.uint8(255), np.uint8(0))
    found, _ = add_rims(tight, tight, pixels, 2)
    seen = (alpha > 0.1) & (dilate_mask(tight, 2) > 0)
    assert (found[seen] == 255).all() and (found[tight > 0] == 255).all()
    # A mask that reaches beyond the edge already keeps its size, but for grain here and there.
    wide = np.where(cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((1, 5))) > 0, np.uint8(255), np.uint8(0))
    found, _ = add_rims(wide, wide, pixels, 2)
    added = ((found > 0) & (wide == 0)).sum() / ((dilate_mask(wide, 2) > 0) & (wide == 0)).sum()
    assert added < 0.05


def test_suggestions_hold_repairs_and_no_rim_adds_nothing():
    pixels, alpha = scratched()
    suggest = np.where(alpha > 0.5, np.uint8(255), np.uint8(0))
    repair = suggest.copy()
    repair[60:] = 0
    inner, outer = add_rims(repair, suggest, pixels, 2)
    assert not (inner & ~outer).any() and (inner >= repair).all() and (outer >= suggest).all()
    same = add_rims(repair, suggest, pixels, 0)
    assert same[0] is repair and same[1] is suggest
    empty = np.zeros_like(repair)
    assert not add_rims(empty, empty, pixels, 2)[1].any()


def test_the_height_of_strips_changes_nothing(monkeypatch):
    pixels, alpha = scratched()
    mask = np.where(alpha > 0.8, np.uint8(255), np.uint8(0))
    whole = add_rims(mask, mask, pixels, 2)[0]
    monkeypatch.setattr(rim, "ROWS", 17)
    assert (add_rims(mask, mask, pixels, 2)[0] == whole).all()


def test_where_all_around_is_damaged_the_whole_rim_is_taken():
    pixels = np.full((40, 40, 3), 100, np.uint8)
    mask = np.full((40, 40), 255, np.uint8)
    mask[20, 20] = 0
    assert (add_rims(mask, mask, pixels, 2)[0] == 255).all()
