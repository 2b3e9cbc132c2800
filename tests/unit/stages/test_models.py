"""Digests of engine, detector and rules."""

from __future__ import annotations

import pytest

from pipeline.errors import WeightsError
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.weights import save_generator
from pipeline.settings import Recipe, settings
from pipeline.stages import models


def test_a_changed_rule_changes_the_recipe_digest(project, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = project.collection.recipe
    before = models.digests(recipe)
    monkeypatch.setattr(models, "RULES", "guards-2")
    assert recipe.digest(models.digests(recipe)) != recipe.digest(before)


def test_own_weights_that_make_no_network_are_refused_before_a_batch_begins(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RESTORATION_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    path, whole = tmp_path / "own.safetensors", tmp_path / "whole.safetensors"
    generator = Generator(GeneratorConfig(16, (1, 2), (16, 24, 32), (1, 1), (1, 2)))
    save_generator(whole, generator, {})
    next(generator.parameters()).data.fill_(float("nan"))
    save_generator(path, generator, {})
    with pytest.raises(WeightsError, match=r"own\.safetensors"):
        models.digests(Recipe(weights=str(path)))
    assert models.digests(Recipe(weights=str(whole)))
    settings.cache_clear()
