from __future__ import annotations

import numpy as np
import pytest

from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.resolution import stroke_width, unit_of


@pytest.mark.parametrize(
    ("shape", "unit"), [((1, 1), 1.0), ((512, 512), 1.0), ((100, 2000), 1.0), ((1024, 1024), 2.0), ((512, 2048), 2.0)]
)
def test_a_unit_grows_with_the_side_and_never_falls_below_a_pixel(shape: tuple[int, int], unit: float) -> None:
    assert unit_of(np.zeros(shape, np.uint8)) == unit


@pytest.mark.parametrize(("drawn", "measured"), [(1, 1), (2, 1), (3, 3), (4, 3), (9, 9), (15, 15)])
def test_a_stroke_is_as_wide_as_it_was_drawn(drawn: int, measured: int) -> None:
    inside = np.zeros((80, 120), np.uint8)
    inside[30 : 30 + drawn, 10:100] = 1
    assert stroke_width(connected_components(inside), 0) == pytest.approx(measured, rel=0.07)


def test_a_component_ends_where_the_scan_ends() -> None:
    assert stroke_width(connected_components(np.ones((1, 1), np.uint8)), 0) == 1
    assert stroke_width(connected_components(np.ones((7, 40), np.uint8)), 0) == pytest.approx(7, rel=0.1)
