"""Evidence: components and their correctness, by picture."""

from collections.abc import Callable

import numpy as np

from pipeline.imaging.types import Mask
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE
from pipeline.training.detector.evidence import Evidence, component_table


def evidence(side: int) -> Evidence:
    """A scratch, half of it marked and a pixel of that sure, and a mark of 30 pixels, half of it on doubtful ground."""
    labels = np.full((side, side), INTACT, np.uint8)
    chance = np.zeros((side, side), np.uint8)
    labels[10, 10:90] = DAMAGED
    chance[10, 10:50], chance[10, 20] = 150, 230
    chance[60, 40:70] = 180
    labels[55:65, 55:90] = UNSURE
    return Evidence(np.full((side, side, 3), 90, np.uint8), chance, labels)


def at(cut: int) -> Callable[[Evidence], Mask]:
    """What reaches a chance is marked."""
    return lambda one: np.where(one.probability >= cut, np.uint8(255), np.uint8(0))


def test_components_are_counted_on_their_pictures() -> None:
    clean = Evidence(np.zeros((50, 40, 3), np.uint8), np.zeros((50, 40), np.uint8), np.full((50, 40), INTACT, np.uint8))
    table = component_table([clean, evidence(512)], at(140))
    assert table.counts.tolist() == [[40, 40, 40, 40], [30, 15, 0, 0]]
    assert table.max_probability.tolist() == [230, 180]
    assert table.picture.tolist() == [1, 1]
    assert table.damaged == 80
    assert table.areas.tolist() == [2000, 512 * 512]
    assert table.undamaged.tolist() == [True, False]
    assert component_table([evidence(512)], at(160)).counts[:, 0].tolist() == [1, 30]


def test_what_is_a_speck_depends_on_the_size_of_its_picture() -> None:
    assert component_table([evidence(512), evidence(1024)], at(140)).specks.tolist() == [False, False, True, True]


def test_evidence_without_components_has_an_empty_table() -> None:
    table = component_table([evidence(512)], at(240))
    assert table.counts.shape == (0, 4)
    assert len(table.max_probability) == len(table.specks) == len(table.picture) == 0
