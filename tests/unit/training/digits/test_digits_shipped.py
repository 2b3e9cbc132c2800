"""The shipped weights: complete, described by their cards, and better than classical fills."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.engines import load_engine
from pipeline.engines.digits.weights import FILLERS, NETWORKS, file_name, load_network
from pipeline.training.digits.evaluate import CLASSICAL, fillers
from pipeline.training.digits.holes import centred_hole
from pipeline.weights import SHIPPED


@pytest.mark.parametrize("name", NETWORKS)
def test_a_card_names_the_sha256_of_each_file(name):
    path = SHIPPED / file_name(name)
    _, _, digest = load_network(path, name)
    assert digest in path.with_suffix(".md").read_text(encoding="utf-8")


def test_the_engine_s_default_is_ours():
    names = {load_engine("dcgan-digits", weights=w).digest for w in ("rn-faithful", "digits-region")}
    assert names == {load_engine("dcgan-digits").digest}
    assert load_engine("dcgan-digits", weights="digits-paper").digest not in names


def test_they_fill_drawn_digits_better_than_classical_ways(digits):
    # Digits of seven straight strokes are none that the networks have seen; a change of a layer still shows here.
    few = digits.first(60)
    holes = np.repeat(centred_hole(10)[np.newaxis], 60, axis=0)
    ways = fillers({name: load_network(SHIPPED / file_name(name))[1] for name in FILLERS})
    errors = {
        name: float(np.abs(way(few.images, holes).astype(float) - few.images)[holes].mean())
        for name, way in ways.items()
    }
    assert errors["region"] < min(errors[name] for name in CLASSICAL)
