"""Stains are found on prints without colours, and offered to a reviewer where the print is torn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.detection.components import STAINED, describe_components
from pipeline.detection.judge import judge_marks
from pipeline.detection.marks import MarkedScan
from pipeline.detection.stains import find_stains
from pipeline.detection.thresholds import Thresholds
from tests.unit.detection.test_torn_edges import corner, print_of, torn

STAIN = ((300, 200), 30)


def sepia() -> np.ndarray:
    """A print in brownish tones, darker to the right."""
    grey = np.clip(print_of() * np.linspace(1.1, 0.4, 600), 60, 235)
    return np.clip(grey[:, :, None] * np.array([1.0, 0.92, 0.8]), 0, 255).astype(np.uint8)


def stained(picture: np.ndarray, colour: tuple[float, float, float] = (0.95, 0.42, 0.1)) -> np.ndarray:
    """Where a round stain lies, after it has coloured the picture."""
    place = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(place, *STAIN, 255, -1)
    soaked = np.clip(picture[:, :, :1] * np.array(colour), 0, 255).astype(np.uint8)
    picture[place > 0] = soaked[place > 0]
    return place


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_rust_is_found_on_a_toned_print(depth: type) -> None:
    picture = sepia()
    place = stained(picture)
    found = find_stains(picture.astype(depth) * depth(257 if depth is np.uint16 else 1))
    assert found is not None and set(np.unique(found)) == {0, 255}
    assert (found[place > 0] > 0).mean() > 0.9 and (found[cv2.dilate(place, np.ones((9, 9))) == 0] == 0).all()


def test_nothing_is_found_where_nothing_is_redder_or_everything_has_a_colour() -> None:
    picture = sepia()
    assert find_stains(picture) is None and find_stains(print_of()) is None
    stained(picture, (0.3, 0.5, 0.9))
    assert find_stains(picture) is None, "blue ink is no rust"
    rng = np.random.default_rng(2)
    colours = cv2.resize(rng.integers(0, 255, (20, 30, 3), np.uint8), (600, 400), interpolation=cv2.INTER_NEAREST)
    assert find_stains(colours) is None


def test_a_stain_is_offered_on_a_torn_print_only_and_never_repaired() -> None:
    whole, damaged = sepia(), sepia()
    torn(damaged, corner())
    place = stained(damaged)
    stained(whole)
    nothing = np.zeros(whole.shape[:2], np.uint8)
    judged = judge_marks(MarkedScan(damaged, nothing), Thresholds())
    assert not judged.repair[place > 0].any() and (judged.suggest[place > 0] > 0).mean() > 0.9
    components = describe_components(MarkedScan(damaged, nothing), judged)
    (stain,) = [one for one in components if one.reason == STAINED]
    assert (stain.kind, stain.level, stain.probability) == ("loss", "suggest", None)
    assert not judge_marks(MarkedScan(whole, nothing), Thresholds()).suggest.any()
