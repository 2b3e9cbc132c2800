"""Training of one cell: constant rate, averaged weights, checkpoints, figures on the way.

In float32 on every machine: the cells of one ablation may come from several.
"""

from __future__ import annotations

import copy
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from benchmarks.ablation.cells import Cell, Plan
from benchmarks.ablation.norm_variants import apply_norm
from benchmarks.ablation.paper_network import PaperNetwork
from benchmarks.ablation.pictures import RatioSet, fill, scores
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.training.common import schedule
from pipeline.training.common.checkpoint import RunState, load_checkpoint, save_checkpoint
from pipeline.training.common.ema import ModelEma
from pipeline.training.inpainter.batches import BatchMaker
from pipeline.training.inpainter.losses import LossWeights, reconstruction

NARROW = GeneratorConfig(32, (1, 2), (16, 32, 64), (1, 1), (1, 2))
"""Half of the light size's channels and half of its blocks."""
WARM_UP = 50
RATE = 1e-3
POINTS = 20
"""Measurements on the way, evenly spaced."""
KEEP_EVERY = 250
"""Steps between checkpoints."""


def build(family: str, norm: str, config: GeneratorConfig = NARROW) -> nn.Module:
    """Return an untrained network of a cell."""
    network: nn.Module
    if family == "paper":
        network = PaperNetwork(config.widths[0] // 2)
    else:
        network = Generator(replace(config, start="grey" if family == "grey" else "prior"))
    apply_norm(network, norm)
    return network


class Trainee:
    """A network, its averaged copy and its optimiser."""

    def __init__(self, cell: Cell, config: GeneratorConfig = NARROW, device: torch.device | None = None) -> None:
        torch.manual_seed(cell.seed)
        self.device = device or torch.device("cpu")
        self.network = build(cell.family, cell.norm, config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = ModelEma(self.network)
        kernels = [one for one in self.network.parameters() if one.shape[0] > 1 and one.dim() > 1]
        others = [one for one in self.network.parameters() if one.shape[0] == 1 or one.dim() == 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": kernels, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
            RATE,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.state = RunState()

    def train_step(self, pictures: Tensor, holes: Tensor) -> float:
        """Update on a batch of uint8 pictures and holes; return the processor seconds that it took."""
        began = time.thread_time()
        target, hole = pictures.to(self.device).float() / 255.0, holes.to(self.device).float()
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (self.state.step + 1) / WARM_UP)
        self.optimizer.zero_grad(set_to_none=True)
        stages = self.network.forward_stages(target, hole)  # type: ignore[operator]
        loss, _ = reconstruction(stages, target, hole, LossWeights())
        loss.backward()  # type: ignore[no-untyped-call]
        if bool(torch.isfinite(clip_grad_norm_(self.network.parameters(), 1.0))):
            self.optimizer.step()
        self.ema.update(self.network, schedule.ema_decay(self.state.step))
        self.state.step += 1
        seconds = time.thread_time() - began
        self.state.seconds += seconds
        return seconds

    def averaged(self) -> nn.Module:
        """Return a copy of the averaged network, with the latest running statistics of batch normalisation."""
        return copy.deepcopy(self.ema.module)

    def save(self, path: Path, rows: list[dict[str, float]]) -> None:
        """Write everything that training needs to continue, with the figures so far."""
        self.state.facts["rows"] = rows
        save_checkpoint(path, {"network": self.network, "ema": self.ema}, {"adamw": self.optimizer}, self.state)

    def load(self, path: Path) -> list[dict[str, float]]:
        """Continue from a checkpoint; return the figures so far."""
        self.state = load_checkpoint(path, {"network": self.network, "ema": self.ema}, {"adamw": self.optimizer})
        return [{key: float(value) for key, value in row.items()} for row in self.state.facts["rows"]]


def measure_costs(
    names: list[tuple[str, str]], maker: BatchMaker, plan: Plan, *, rounds: int = 11, config: GeneratorConfig = NARROW
) -> dict[str, float]:
    """Return processor seconds for a step of each network by name: the median of steps taken in turn."""
    trainees = {f"{family}-{norm}": Trainee(Cell(family, norm, 0), config) for family, norm in names}
    taken: dict[str, list[float]] = {name: [] for name in trainees}
    for turn in range(rounds + 2):
        batch = maker.make(turn, plan.crop, plan.batch)
        for name, trainee in trainees.items():
            seconds = trainee.train_step(*batch)
            if turn >= 2:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def train(trainee: Trainee, plan: Plan, maker: BatchMaker, data: RatioSet, kept: Path) -> pd.DataFrame:
    """Return the figures of one cell on the way: step, processor seconds spent and `scores`.

    Args:
        trainee: the cell's network, untrained.
        plan: steps, batch and crop.
        maker: draws the batch of a step.
        data: held-out pictures.
        kept: checkpoint, continued from where it exists; removed by the caller with the finished cell.
    """
    stops = {round(plan.steps * (index + 1) / POINTS) for index in range(POINTS)}
    rows = trainee.load(kept) if kept.exists() else []
    kept.parent.mkdir(parents=True, exist_ok=True)
    while trainee.state.step < plan.steps:
        step = trainee.state.step
        trainee.train_step(*maker.make(step + 1, plan.crop, plan.batch))
        step += 1
        if step in stops:
            figures = scores(fill(trainee.averaged(), data, trainee.device), data)
            rows.append({"step": step, "spent": trainee.state.seconds, **figures})
        if step % KEEP_EVERY == 0 and step < plan.steps:
            trainee.save(kept, rows)
    return pd.DataFrame(rows)


def read_json(path: Path) -> dict[str, float]:
    """Return the figures in a file, none without it."""
    return dict(json.loads(path.read_text())) if path.exists() else {}
