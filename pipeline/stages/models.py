"""Load engine and detector of a recipe, once per process."""

from __future__ import annotations

from functools import lru_cache

from pipeline import painted
from pipeline.detection import infrared
from pipeline.detection.load import load_detector
from pipeline.detection.types import Detector
from pipeline.engines import Engine, blend, crop, grain, load_engine
from pipeline.errors import ConfigurationError
from pipeline.masks import guards
from pipeline.scans import tones
from pipeline.scans.colour import VERSION as COLOUR_VERSION
from pipeline.settings import Recipe
from pipeline.stages.batch import BatchContext
from pipeline.weights import shipped_digest

# Versions of all other rules that can change a pixel, also of those that a recipe does not use.
RULES = (
    f"guards-{guards.VERSION} infrared-{infrared.VERSION} crop-{crop.VERSION} blend-{blend.VERSION}"
    f" grain-{grain.VERSION} painted-{painted.VERSION} tones-{tones.VERSION} colour-{COLOUR_VERSION}"
)


def digests(recipe: Recipe) -> str:
    """Return the digests of a recipe's engine and detector and the versions of the rules, separated by spaces.

    Raises:
        ConfigurationError, WeightsError: one of them cannot be loaded.
    """
    engine = _engine(recipe.engine, recipe.weights)
    if shipped_digest(recipe.weights) is None:
        # A checksum vouches for shipped weights. Whether one's own are whole shows when the network is made of them,
        # which must be before a batch begins.
        _ = engine.layout
    return f"{engine.digest} {_mask_digest(_detector(recipe.detector))}"


def _mask_digest(detector: Detector) -> str:
    """Return the digest of everything that decides on masks."""
    return f"{detector.digest} {RULES}"


def engine_of(batch: BatchContext) -> Engine:
    """Return the engine of a batch.

    Raises:
        ConfigurationError: it is not the one with which the batch began.
        WeightsError: its weights are missing or damaged.
    """
    recipe = batch.collection.recipe
    engine = _engine(recipe.engine, recipe.weights)
    if engine.digest != batch.engine_digest:
        raise ConfigurationError("the engine or its weights were changed since this batch began; start a new run")
    return engine


def detector_of(batch: BatchContext) -> Detector:
    """Return the detector of a batch.

    Raises:
        ConfigurationError: it is not the one with which the batch began.
        WeightsError: its weights are missing or damaged.
    """
    detector = _detector(batch.collection.recipe.detector)
    if _mask_digest(detector) != batch.detector_digest:
        raise ConfigurationError("the detector was changed since this batch began; start a new run")
    return detector


@lru_cache(maxsize=2)
def _engine(name: str, weights: str) -> Engine:
    return load_engine(name, weights=weights)


@lru_cache(maxsize=2)
def _detector(name: str) -> Detector:
    return load_detector(name)
