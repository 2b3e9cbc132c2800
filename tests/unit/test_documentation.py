"""What the operator's guide says exists, and what exists is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.settings import Collection, Recipe, Settings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_explained(name: str) -> None:
    assert f"`RESTORATION_{name.upper()}`" in GUIDE


def test_every_key_of_collection_and_recipe_is_explained() -> None:
    missing = [key for model in (Collection, Recipe) for key in model.model_fields if f"`{key}`" not in GUIDE]
    assert missing in ([], ["name"])


def test_no_setting_is_explained_that_does_not_exist() -> None:
    known = {f"RESTORATION_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"`(RESTORATION_\w+)`", GUIDE)) <= known


def test_links_of_the_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []
