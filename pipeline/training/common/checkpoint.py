"""Checkpoints: everything that a run needs to resume bit for bit, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.atomic_write import atomic_path
from pipeline.errors import WeightsError

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class ReportWindow:
    """Sums since the last report.

    Attributes:
        steps: number of steps.
        seconds: time spent in them.
        waited: part of it spent waiting for data.
        sums: sum of each loss. Tensors stay on their device until a report is due: reading one waits for the device.
    """

    steps: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    sums: dict[str, Tensor | float] = field(default_factory=dict)

    def add(self, losses: Mapping[str, Tensor | float], seconds: float, waited: float) -> None:
        """Add a step."""
        self.steps += 1
        self.seconds += seconds
        self.waited += waited
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """Return the mean of each loss."""
        return {name: float(value) / self.steps for name, value in self.sums.items()}


@dataclass
class RunState:
    """How far a run is.

    Attributes:
        step: steps done.
        seconds: time spent in them; breaks, validation and checkpoints are not counted.
        pixels: pixels trained on.
        facts: options that must be the same when the run is resumed, as JSON values.
        window: sums since the last report, so that a resumed run logs the same means.
    """

    step: int = 0
    seconds: float = 0.0
    pixels: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    window: ReportWindow = field(default_factory=ReportWindow)


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
    # A fused optimiser reads parameter and moments in the order of memory: they need the same memory format.
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                moments[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def save_checkpoint(
    path: Path, modules: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], state: RunState
) -> None:
    """Write modules, optimisers, torch's random state and the run's state; the file appears whole.

    The format is safetensors, because checkpoints are copied between machines and no pickle is ever loaded.
    """
    tensors: dict[str, Tensor] = {"random.cpu": torch.get_rng_state()}
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            tensors[f"module.{name}.{key}"] = value.detach().cpu().contiguous().clone()
    for name, optimizer in optimizers.items():
        _pack_optimizer(f"optimizer.{name}", optimizer, tensors)
    window = {**vars(state.window), "sums": {name: float(value) for name, value in state.window.sums.items()}}
    metadata = {"progress": json.dumps({**vars(state), "window": window})}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)


def read_state(path: Path) -> RunState:
    """Return the state that a checkpoint was written in, without loading tensors.

    Raises ``WeightsError`` on a damaged file.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            raw = json.loads((opened.metadata() or {})["progress"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not a complete checkpoint: {error}") from error
    window = ReportWindow(**raw.get("window", {}))  # absent in checkpoints of older versions
    return RunState(int(raw["step"]), float(raw["seconds"]), int(raw["pixels"]), dict(raw["facts"]), window)


def load_checkpoint(path: Path, modules: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]) -> RunState:
    """Load a checkpoint into modules and optimisers, set torch's random state, and return the run's state.

    A module or optimiser that the checkpoint does not contain stays as it is; one that only the checkpoint contains is
    ignored. Raises ``WeightsError`` on a damaged file or one with a network of another shape.
    """
    run = read_state(path)
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
            raise WeightsError(f"{path} contains a network of another shape: {error}") from error
    for name, optimizer in optimizers.items():
        prefix = f"optimizer.{name}"
        if any(key.startswith(prefix + ".") for key in tensors):
            _unpack_optimizer(prefix, optimizer, tensors)
    torch.set_rng_state(tensors["random.cpu"])
    return run
