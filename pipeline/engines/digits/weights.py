"""Weights files of the digit networks: safetensors that say which network they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from pipeline.engines.digits.classifier import DigitClassifier
from pipeline.engines.digits.dcgan_paper import PaperGenerator
from pipeline.engines.digits.region import RegionGenerator
from pipeline.errors import WeightsError
from pipeline.rn.weights import read_metadata
from pipeline.runtime.atomic_write import write_whole

FORMAT = "digits-1"
ABOUT = "digits"
SHIPPED = Path(__file__).resolve().parents[2] / "weights"

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "judge": DigitClassifier,
    "paper": PaperGenerator,
    "region": RegionGenerator,
}
"""The networks by the name that a weights file carries: ``digits-<name>.safetensors``."""

FILLERS = ("paper", "region")


def file_name(network: str) -> str:
    """The name of a network's weights file."""
    return f"digits-{network}.safetensors"


def save_network(path: Path, network: str, module: nn.Module, facts: dict[str, str]) -> str:
    """Write a network as float16 safetensors, whole or not at all, and return the file's sha256.

    ``facts`` (seed, steps, …) go into the metadata.
    """
    tensors = {key: _half(value.detach().cpu()).contiguous() for key, value in module.state_dict().items()}
    # One entry: safetensors writes several in any order, and the same weights would not make the same file.
    about = json.dumps({**facts, "format": FORMAT, "network": network}, sort_keys=True)
    data: bytes = save_tensors(tensors, {ABOUT: about})
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def load_network(path: Path, *allowed: str) -> tuple[str, nn.Module, str]:
    """Name, network (float32, in eval mode) and sha256 of a weights file.

    Raises ``WeightsError`` naming the file when it is missing, damaged, does not hold one of the ``allowed`` networks
    (all, when none is named), or holds values that are not finite.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error
    digest = hashlib.sha256(data).hexdigest()
    metadata = _about(data)
    name = metadata.get("network", "")
    wanted = allowed or tuple(NETWORKS)
    if metadata.get("format") != FORMAT or name not in wanted:
        raise WeightsError(
            f"{path} does not hold a digit network ({' or '.join(wanted)}), found sha256 {digest}: give "
            f"{' or '.join(Path(file_name(one)).stem for one in wanted)}, or train one with `train digits`"
        )
    try:
        module = NETWORKS[name]()
        tensors = {
            key: value.float() if value.is_floating_point() else value for key, value in load_tensors(data).items()
        }
        module.load_state_dict(tensors)
    except (RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged or of another version ({error}), found sha256 {digest}") from error
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise WeightsError(f"{path} holds values that are not finite, found sha256 {digest}")
    return name, module.eval().requires_grad_(False), digest


def read_facts(path: Path) -> dict[str, str]:
    """What :func:`save_network` was told of a network: seed, steps and so on."""
    return _about(path.read_bytes())


def _about(data: bytes) -> dict[str, str]:
    """What a weights file says of itself; empty when it is none of ours."""
    try:
        about = json.loads(read_metadata(data).get(ABOUT, "{}"))
    except json.JSONDecodeError:
        return {}
    return {str(key): str(value) for key, value in about.items()} if isinstance(about, dict) else {}


def _half(value: Tensor) -> Tensor:
    """The tensor in half precision if it holds fractions."""
    return value.half() if value.is_floating_point() else value
