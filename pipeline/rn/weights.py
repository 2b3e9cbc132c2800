"""Read and write weights files of the inpainter: the generator's shape and tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.rn.config import GeneratorConfig
from pipeline.weights import SHIPPED, Kind, WeightsFile, read_weights
from pipeline.weights.descriptor import OF_KIND

if TYPE_CHECKING:
    from pipeline.rn.generator import Generator

DEFAULT = SHIPPED / "rn-faithful.safetensors"


def read_config(path: Path) -> GeneratorConfig:
    """Return the shape of the generator in a weights file, without torch.

    Raises:
        WeightsError: the file is missing, damaged, or of another kind.
    """
    return _config(read_weights(path, Kind.INPAINTER))


def load_generator(path: Path, expected: str | None = None) -> tuple[Generator, str]:
    """Return the generator of a weights file, in eval mode, in float32 and without gradients, and the file's sha256.

    Raises:
        WeightsError: the file is missing, damaged, of another kind, does not fit its own configuration, holds values
            that are not finite, or has another sha256 than ``expected``, where one is given.
    """
    from pipeline.rn.generator import Generator
    from pipeline.weights.tensors import load_tensors

    weights = read_weights(path, Kind.INPAINTER, expected=expected)
    return load_tensors(Generator(_config(weights)), weights), weights.sha256


def save_generator(path: Path, generator: Generator, metadata: dict[str, str]) -> str:
    """Write the generator with its configuration and ``metadata``, and return the file's sha256."""
    from pipeline.weights.tensors import save_tensors

    described = {"format": OF_KIND[Kind.INPAINTER], "config": generator.config.to_json()}
    return save_tensors(path, generator, {**metadata, **described})


def _config(weights: WeightsFile) -> GeneratorConfig:
    try:
        return GeneratorConfig.from_json(weights.shape["config"])
    except (ValueError, TypeError, LookupError) as error:
        raise weights.damaged(error) from error
