"""Checkpoints: everything a run needs to go on to the bit, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.errors import WeightsError
from pipeline.runtime.atomic_write import whole

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class RunState:
    """Where a run stands; ``facts`` holds what must not change between a checkpoint and its resumption."""

    step: int = 0
    seconds: float = 0.0
    pixels: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def _pack_optimizer(prefix: str, optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"{prefix}.{index}.{name}"] = torch.as_tensor(value).contiguous().clone()


def _unpack_optimizer(prefix: str, optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix + "."):
            _, index, name = key.rsplit(".", 2)
            state.setdefault(int(index), {})[name] = value
    packed = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": packed["param_groups"]})
    # A fused optimiser walks parameter and moments side by side in memory: they must be laid out alike.
    for parameter, held in optimizer.state.items():
        for name, value in held.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                held[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def save_checkpoint(
    path: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer], progress: RunState
) -> None:
    """Write modules, optimisers, torch's random state and the progress; nobody sees half a file.

    Safetensors, because a checkpoint travels between machines and no pickle is ever loaded.
    """
    tensors: dict[str, Tensor] = {"random.cpu": torch.get_rng_state()}
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            tensors[f"module.{name}.{key}"] = value.detach().cpu().contiguous().clone()
    for name, optimizer in optimizers.items():
        _pack_optimizer(f"optimizer.{name}", optimizer, tensors)
    metadata = {
        "progress": json.dumps(
            {"step": progress.step, "seconds": progress.seconds, "pixels": progress.pixels, "facts": progress.facts}
        )
    }
    with whole(path) as temporary:
        save_file(tensors, temporary, metadata)


def read_state(path: Path) -> RunState:
    """The progress of a checkpoint, without loading its tensors. Raises ``WeightsError`` on a damaged file."""
    try:
        with safe_open(path, framework="pt") as opened:
            raw = json.loads((opened.metadata() or {})["progress"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not a whole checkpoint: {error}") from error
    return RunState(int(raw["step"]), float(raw["seconds"]), int(raw["pixels"]), dict(raw["facts"]))


def load_checkpoint(path: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> RunState:
    """Put a checkpoint back into modules and optimisers and return its progress.

    A module or optimiser that the checkpoint does not know (a phase that begins only now) is left as it is. Raises
    ``WeightsError`` on a damaged file or one of another shape.
    """
    progress = read_state(path)
    tensors: dict[str, Tensor] = {}
    with safe_open(path, framework="pt") as opened:
        for key in opened.keys():  # noqa: SIM118 - not a dict, it cannot be iterated
            tensors[key] = opened.get_tensor(key)
    for name, module in modules.items():
        prefix = f"module.{name}."
        state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if not state:
            continue
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(f"{path} holds a network of another shape: {error}") from error
    for name, optimizer in optimizers.items():
        prefix = f"optimizer.{name}"
        if any(key.startswith(prefix + ".") for key in tensors):
            _unpack_optimizer(prefix, optimizer, tensors)
    torch.set_rng_state(tensors["random.cpu"])
    return progress
