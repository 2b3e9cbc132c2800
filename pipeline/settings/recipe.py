"""A recipe: everything that can change a pixel. Its digest is part of every result."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigurationError
from pipeline.settings.documents import compose, explain, line_of, plain, repeated


class EngineName(StrEnum):
    """The engines that fill damage."""

    RN = "rn"
    TELEA = "telea"
    NAVIER_STOKES = "navier-stokes"
    BIHARMONIC = "biharmonic"
    DCGAN_DIGITS = "dcgan-digits"


class Detector(StrEnum):
    """What finds damage where no manual mask is given."""

    CLASSICAL = "classical"
    LEARNED = "learned"
    NONE = "none"


class Level(StrEnum):
    """How much of what the detector found goes into a mask."""

    REPAIR = "repair"
    SUGGEST = "suggest"


class MaskMode(StrEnum):
    """What a painted mask means."""

    REPLACE = "replace"
    ADD = "add"
    PROTECT = "protect"


#: Keys that came later, with the values that stand for how it was before there was the key: with these a recipe has the
#: digest that it had then, and results from then stay what they are.
LATER: dict[str, object] = {
    "grain": False,
    "precision": 0.95,
    "infrared": False,
    "face_guard": False,
    "text_guard": False,
    "mask_mode": "replace",
}


class Recipe(BaseModel):
    """Everything that can change a pixel of a result; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detector: Detector = Field(Detector.LEARNED, description="what finds damage where no manual mask is given")
    level: Level = Field(Level.REPAIR, description="`repair`: only confident damage; `suggest`: also doubtful damage")
    precision: float = Field(
        0.95, ge=0.5, le=0.98, description="share of what is repaired unseen that shall be damage: less finds more"
    )
    sensitivity: float = Field(1.0, gt=0, le=4, description="scales the detector's thresholds; above 1 finds more")
    max_coverage: float = Field(
        0.15, gt=0, le=1, description="share of a scan above which a detected mask goes to review, unfilled"
    )
    dilate: int = Field(2, ge=0, le=32, description="pixels added around a detected mask, so that no rim is left")
    infrared: bool = Field(True, description="a scanner's infrared plane decides what is repaired, where there is one")
    face_guard: bool = Field(True, description="found damage on a face sends the scan to review, unfilled")
    text_guard: bool = Field(True, description="found damage on text is left, and sends the scan to review when large")
    mask_mode: MaskMode = Field(
        MaskMode.REPLACE,
        description="a painted mask stands for what is found (`replace`), is added to it (`add`), or is never touched "
        "(`protect`)",
    )
    engine: EngineName = Field(EngineName.RN, description="what fills the damage")
    grain: bool = Field(False, description="adds grain like that of the surroundings to what was filled")
    weights: str = Field(
        "rn-faithful",
        description="shipped weights (`rn-faithful`, or `rn-sharp`, which invents texture), or the path of a file",
    )

    def digest(self, engine_digest: str = "") -> str:
        """Return the recipe's sha256 (64 hex digits) over its canonical JSON and the engine's own digest.

        Args:
            engine_digest: digest of weights and version of the engine, so that new weights make new results.
        """
        recipe = {key: value for key, value in self.model_dump(mode="json").items() if LATER.get(key) != value}
        document = {"recipe": recipe, "engine": engine_digest}
        return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load_recipe(path: Path) -> Recipe:
    """Return the recipe in a YAML file; an empty file is the recipe of all defaults.

    Raises:
        ConfigurationError: names the file, the line and the key that is wrong.
    """
    root = compose("recipe", path)
    if root is None:
        return Recipe()
    for keys, line in repeated(root):
        raise ConfigurationError(f"recipe {path}: line {line}: {'.'.join(keys)}: this key stands twice")
    try:
        return Recipe.model_validate(plain(root))
    except ValidationError as error:
        first = error.errors()[0]
        place = f"line {line_of(root, first['loc'])}: {'.'.join(map(str, first['loc'])) or '(top level)'}"
        message = explain(first["type"], first["msg"], Recipe)
        raise ConfigurationError(f"recipe {path}: {place}: {message}") from error
    except ValueError as error:
        raise ConfigurationError(f"recipe {path}: line {line_of(root, ())}: {error}") from error
