"""Weights files of the generator: safetensors that describe themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from pipeline.errors import WeightsError
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.runtime.atomic_write import write_whole

FORMAT = "rn-generator-1"
DEFAULT = Path(__file__).resolve().parent.parent / "weights" / "rn-faithful.safetensors"


def read_metadata(data: bytes) -> dict[str, str]:
    """The metadata of a safetensors file given as bytes; empty when there is none or it is no such file."""
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        return {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except (ValueError, AttributeError):
        return {}


def _sorted_header(data: bytes) -> bytes:
    """The same file with its header in a fixed order, so that equal weights have an equal digest."""
    length = int.from_bytes(data[:8], "little")
    text = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def save_generator(path: Path, generator: Generator, metadata: dict[str, str]) -> str:
    """Write the generator as float16 safetensors and return the file's sha256.

    Half precision because a shipped file stays small; its rounding (1 in 2000) is under that of the bf16 arithmetic
    in which the network runs. The configuration goes into the metadata beside ``metadata``. It appears
    whole.
    """
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in generator.state_dict().items()}
    packed = save_tensors(tensors, {**metadata, "format": FORMAT, "config": generator.config.to_json()})
    data = _sorted_header(packed)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def load_generator(path: Path, expected: str | None = None) -> tuple[Generator, str]:
    """The generator of a weights file, in eval mode and float32, and the file's sha256.

    Raises ``WeightsError`` naming the file and the digests found and expected: when the file is missing, is not a
    generator's, does not fit its own configuration, holds values that are not finite, or when ``expected`` is given
    and another digest is found.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error}; expected sha256 {expected or 'any'}") from error
    digest = hashlib.sha256(data).hexdigest()
    found = f"found sha256 {digest}, expected {expected or 'any generator weights'}"
    if expected is not None and digest != expected:
        raise WeightsError(f"{path} is not the weights file asked for: {found}")
    metadata = read_metadata(data)
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path} does not hold the weights of an RN generator: {found}")
    try:
        generator = Generator(GeneratorConfig.from_json(metadata.get("config", "")))
        tensors = {key: value.float() for key, value in load_tensors(data).items()}
        generator.load_state_dict(tensors)
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged or of another version ({error}): {found}") from error
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise WeightsError(f"{path} holds values that are not finite: {found}")
    return generator.eval(), digest
