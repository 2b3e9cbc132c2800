"""Digests of engine, detector and rules."""

from __future__ import annotations

import pytest

from pipeline.stages import models


def test_a_changed_rule_changes_the_recipe_digest(project, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = project.collection.recipe
    before = models.digests(recipe)
    monkeypatch.setattr(models, "RULES", "guards-2")
    assert recipe.digest(models.digests(recipe)) != recipe.digest(before)
