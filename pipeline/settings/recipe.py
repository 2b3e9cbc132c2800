"""A recipe: everything that can change a pixel; its digest is part of every result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.errors import ConfigurationError
from pipeline.settings.plain_errors import describe
from pipeline.settings.yaml_files import duplicate_keys, line_of, parse_yaml, to_python


class EngineName(StrEnum):
    """The engines that fill damage."""

    RN = "rn"
    TELEA = "telea"
    NAVIER_STOKES = "navier-stokes"
    BIHARMONIC = "biharmonic"
    DCGAN_DIGITS = "dcgan-digits"


class DetectorName(StrEnum):
    """What finds damage where no manual mask is given."""

    CLASSICAL = "classical"
    LEARNED = "learned"
    NONE = "none"


class MaskLevel(StrEnum):
    """How much of the detected damage goes into a mask."""

    REPAIR = "repair"
    SUGGEST = "suggest"


class MaskMode(StrEnum):
    """What a painted mask means."""

    REPLACE = "replace"
    ADD = "add"
    PROTECT = "protect"


#: What an engine's network may be loaded with by name; another file is named by its path.
SHIPPED_WEIGHTS = ("rn-faithful", "rn-sharp", "digits-paper", "digits-region")

#: Keys added in later versions, with the value that means the behaviour before the key existed: a recipe with these
#: values keeps its earlier digest, so that earlier results stay valid.
ADDED_LATER: dict[str, object] = {
    "grain": False,
    "precision": 0.95,
    "infrared": False,
    "face_guard": False,
    "text_guard": False,
    "mask_mode": "replace",
}


class Recipe(BaseModel):
    """Everything that can change a pixel of a result; unknown keys are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    detector: DetectorName = Field(DetectorName.LEARNED, description="what finds damage where no manual mask is given")
    level: MaskLevel = Field(
        MaskLevel.REPAIR, description="`repair`: only confident damage; `suggest`: also suspected damage"
    )
    precision: float = Field(
        0.9,
        ge=0.5,
        le=0.98,
        description="target share of damage in what is repaired without review; a lower value finds more",
    )
    sensitivity: float = Field(1.0, gt=0, le=4, description="scales the detector's thresholds; above 1 finds more")
    max_coverage: float = Field(
        0.15,
        gt=0,
        le=1,
        description="share of a scan that is filled unseen, the surest marks first; one that needs three times as much "
        "goes to review",
    )
    dilate: int = Field(2, ge=0, le=32, description="pixels added around damage at most, where its edge is seen")
    infrared: bool = Field(True, description="repair what a scanner's infrared plane shows, where there is one")
    face_guard: bool = Field(
        True, description="detected damage on a face is left to a person, except specks and what is sure and thin"
    )
    text_guard: bool = Field(True, description="detected damage on text is left to a person")
    mask_mode: MaskMode = Field(
        MaskMode.REPLACE,
        description="a painted mask replaces detected damage (`replace`), is added to it (`add`), or marks what never "
        "changes (`protect`)",
    )
    engine: EngineName = Field(EngineName.RN, description="what fills the damage")
    grain: bool = Field(False, description="add grain like that of the surroundings to filled areas")
    weights: str = Field(
        "rn-faithful",
        description="shipped weights (`rn-faithful`, or `rn-sharp`, which invents texture), or the path of a file",
    )

    @field_validator("weights")
    @classmethod
    def _weights(cls, value: str) -> str:
        if "/" not in value and not value.endswith(".safetensors") and value not in SHIPPED_WEIGHTS:
            known = ", ".join(SHIPPED_WEIGHTS)
            raise ValueError(f"there are no shipped weights {value!r}; there are {known}, or the path of a file")
        return value

    def digest(self, engine_digest: str = "") -> str:
        """Return the recipe's sha256 (64 hex digits) over its canonical JSON and the engine's own digest.

        Args:
            engine_digest: digest of weights and version of the engine, so that new weights make new results.
        """
        recipe = {key: value for key, value in self.model_dump(mode="json").items() if ADDED_LATER.get(key) != value}
        document = {"recipe": recipe, "engine": engine_digest}
        return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def differs_from(self, stored: Mapping[str, Any]) -> bool:
        """Return whether somebody has chosen otherwise than in a stored recipe.

        A key that a stored recipe does not have yet counts as its default: the update that added it is no choice.
        """
        defaults = {key: field.default for key, field in type(self).model_fields.items()}
        return any(value != stored.get(key, defaults[key]) for key, value in self.model_dump(mode="json").items())


def load_recipe(path: Path) -> Recipe:
    """Return the recipe in a YAML file; an empty file means all defaults.

    Raises:
        ConfigurationError: keys are invalid; the message names the file, and line and key of each.
    """
    root = parse_yaml("recipe", path)
    if root is None:
        return Recipe()
    wrong = [(line, ".".join(keys), "this key appears twice") for keys, line in duplicate_keys(root)]
    try:
        recipe = Recipe.model_validate(to_python(root))
    except ValidationError as error:
        wrong += [
            (line_of(root, item["loc"]), ".".join(map(str, item["loc"])) or "(top level)", describe(dict(item), Recipe))
            for item in error.errors()
        ]
    except ValueError as error:
        wrong.append((line_of(root, ()), "", str(error)))
    if wrong:
        named = "; ".join(": ".join(filter(None, (f"line {line}", key, message))) for line, key, message in wrong)
        raise ConfigurationError(f"recipe {path}: {named}")
    return recipe


def make_recipe(values: Mapping[str, object], names: Mapping[str, str]) -> Recipe:
    """Return a recipe of given values.

    Args:
        values: by key; None for the default.
        names: what the user knows a key by, such as an option.

    Raises:
        ConfigurationError: values are invalid; the message names each.
    """
    try:
        return Recipe.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        wrong = ((str(item["loc"][0]), describe(dict(item), Recipe)) for item in error.errors())
        raise ConfigurationError("; ".join(f"{names.get(key, key)} {message}" for key, message in wrong)) from error
