"""What an update or a change of recipe would do again is said before it is done."""

from __future__ import annotations

import json

import pytest
import yaml

from pipeline.cli import main
from pipeline.settings import settings
from pipeline.stages import models


@pytest.mark.parametrize(
    ("redo", "recipe", "expected"),
    [
        ("recipe", {}, {"kept": 2, "again": {"software": 1}}),
        ("changed", {}, {"kept": 0, "again": {"software": 3}}),
        ("never", {}, {"kept": 3, "again": {}}),
        ("recipe", {"dilate": 5}, {"kept": 0, "again": {"recipe": 3}}),
    ],
)
def test_an_update_says_what_it_does_again(finished, monkeypatch, capsys, tmp_path, redo, recipe, expected) -> None:
    entry = finished.collection.model_dump(mode="json", include={"inbox", "output", "recipe"})
    entry |= {"redo": redo, "recipe": entry["recipe"] | recipe, "schedule": None}
    (tmp_path / "collections.yaml").write_text(yaml.safe_dump({"collections": {"c": entry}}))
    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(tmp_path / "collections.yaml"))
    settings.cache_clear()
    assert main(["outdated"]) == 0
    before = capsys.readouterr().out
    assert ("up to date" in before) is not bool(recipe and redo != "never")
    monkeypatch.setattr(models, "RULES", models.RULES + " crop-new")
    assert main(["outdated", "c", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out.splitlines()[-1])["collections"]
    assert {name: said[name] for name in ("kept", "again")} == expected and said["finished"] == 3
    for name, value in {"redo": redo, "recipe": finished.collection.recipe.model_copy(update=recipe)}.items():
        finished.changes[name] = value
    assert len(finished.receive()) == (1 if expected["again"] else 0), "the next run does what was said"


def test_an_unknown_collection_is_named(finished, monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "collections.yaml").write_text("collections: {c: {inbox: /in, output: /out}}")
    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(tmp_path / "collections.yaml"))
    settings.cache_clear()
    assert main(["outdated", "x"]) == 2
    assert "no collection named 'x' (known: c)" in capsys.readouterr().err
