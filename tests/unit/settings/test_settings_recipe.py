"""A recipe: unknown keys are refused, and different recipes have different digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import ConfigurationError
from pipeline.settings import Recipe, load_recipe
from pipeline.settings.recipe import SHIPPED_WEIGHTS
from pipeline.weights import SHIPPED

OTHER: dict[str, Any] = {
    "detector": "none",
    "level": "suggest",
    "precision": 0.98,
    "sensitivity": 1.25,
    "max_coverage": 0.2,
    "dilate": 3,
    "infrared": False,
    "face_guard": False,
    "text_guard": False,
    "mask_mode": "add",
    "engine": "biharmonic",
    "grain": True,
    "weights": "/other.safetensors",
}


def load(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_digests_never_change_between_versions() -> None:
    # Results in archives carry it: it may change only together with what a recipe is.
    before = {
        "precision": 0.95,
        "grain": False,
        "infrared": False,
        "face_guard": False,
        "text_guard": False,
        "mask_mode": "replace",
    }
    assert Recipe(**OTHER | before).digest("weights") == (
        "4dbcadf8cd0bd0065230fbc003594d69054ea23a6b08c13762be861ff61bdfb8"
    )
    assert Recipe(**OTHER).digest("weights") != Recipe(**OTHER | before).digest("weights")


def test_every_key_changes_the_digest() -> None:
    assert set(OTHER) == set(Recipe.model_fields)
    digests = {Recipe().digest(), *(Recipe(**{key: value}).digest() for key, value in OTHER.items())}
    assert len(digests) == len(OTHER) + 1
    assert all(len(digest) == 64 and int(digest, 16) for digest in digests)


def test_new_weights_change_the_digest() -> None:
    assert len({Recipe().digest(engine) for engine in ("", "a", "b")}) == 3


def test_the_notation_of_a_recipe_does_not_change_its_digest(tmp_path: Path) -> None:
    plain = load(tmp_path, "sensitivity: 2\nengine: telea\n")
    assert plain.digest() == load(tmp_path, "engine: 'telea'\nsensitivity: 2.0\ndilate: 2\n").digest()


def test_an_empty_recipe_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == load(tmp_path, "# nothing\n") == load(tmp_path, "{}") == Recipe()


def test_a_recipe_is_immutable() -> None:
    with pytest.raises(ValidationError):
        Recipe().dilate = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "engine: telea\negnine: rn\n",
            "line 2: egnine: unknown key; known keys are detector, level, precision, sensitivity",
        ),
        ("\n\nengine: paint\n", "line 3: engine: must be 'rn', 'telea'"),
        ("dilate: 1\ndilate: 2\n", "line 2: dilate: this key appears twice"),
        ("precision: .99\n", "line 1: precision: must be 0.98 or less, not 0.99"),
        ("sensitivity: 0\n", "line 1: sensitivity: must be more than 0, not 0"),
        ("sensitivity: .nan\n", "line 1: sensitivity: "),
        ("- engine\n", "line 1: (top level): must be a mapping of keys to values"),
        ("engine: [\n", "line 2: not valid YAML"),
        ("engine: !!python/object:os.system {}\n", "line 1: a tag (!…), which has no meaning here"),
        ("weights: 2024-02-31\n", "line 1: "),
        (
            "weights: rn-fine\n",
            "line 1: weights: there are no shipped weights 'rn-fine'; there are rn-faithful, rn-sharp",
        ),
        (
            "dilate: x\nengine: paint\ndilate: 2\n",
            "line 3: dilate: this key appears twice; line 2: engine: must be 'rn'",
        ),
    ],
)
def test_a_mistake_names_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"recipe {tmp_path / 'recipe.yaml'}: {message}")
    assert "\n" not in str(caught.value)


def test_the_shipped_weights_that_a_recipe_may_name_are_those_that_are_shipped() -> None:
    networks = {path.stem for path in SHIPPED.glob("*.safetensors")} - {"detector", "digits-judge"}
    assert set(SHIPPED_WEIGHTS) == networks


def test_a_missing_recipe_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")
