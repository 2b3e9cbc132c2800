"""The loop around a lesson: steps, rates, curves, checkpoints, and going on after a break to the bit."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.errors import ConfigurationError
from pipeline.training.common.checkpoint import RunState, load_checkpoint, save_checkpoint
from pipeline.training.common.csv_log import append_row
from pipeline.training.common.schedule import Budget, learning_rate
from pipeline.training.digits.batches import BatchMaker
from pipeline.training.digits.steps import Lesson

log = logging.getLogger(__name__)

CURVE_EVERY = 25
"""Steps that make one point of the curves; checkpoints are written at such steps only, so that no point is torn."""

CHECKPOINT_SECONDS = 60.0
WARM_UP_STEPS = 100


@dataclass(frozen=True)
class RunFiles:
    """Where a run keeps what it needs to go on, and what it writes for the report."""

    folder: Path
    name: str

    @property
    def checkpoint(self) -> Path:
        """The checkpoint, safetensors."""
        return self.folder / f"{self.name}.checkpoint.safetensors"

    @property
    def curves(self) -> Path:
        """The losses, CSV: step, seconds and one column per loss, means over ``CURVE_EVERY`` steps."""
        return self.folder / f"{self.name}.curves.csv"


def train(
    lesson: Lesson,
    maker: BatchMaker,
    budget: Budget,
    place: RunFiles,
    *,
    seed: int,
    resume: bool = False,
    report: Callable[[int, float, dict[str, float]], None] | None = None,
) -> RunState:
    """Train until the budget is used and return where the run stands.

    Batches and dropout follow from seed and step, the weights and the optimisers' state from the checkpoint: a run
    of a number of steps that was broken off ends in the same bits as one that was not, on the same machine with the
    same number of threads. ``report`` gets step, share of the budget and the losses, every ``CURVE_EVERY`` steps.
    Raises ``ConfigurationError`` when a checkpoint was begun with another seed or other data, ``WeightsError`` when it
    is damaged.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    progress = RunState(facts={"seed": seed, "digits": maker.digest})
    if resume and place.checkpoint.exists():
        found = load_checkpoint(place.checkpoint, lesson.modules, lesson.optimizers)
        if found.facts != progress.facts:
            raise ConfigurationError(
                f"{place.checkpoint} was begun with another seed or other digits: give --seed "
                f"{found.facts.get('seed')} and the same --data, or begin anew without --resume"
            )
        progress = found
    _cut_curves(place.curves, progress.step)
    for module in lesson.modules.values():
        module.train()
    with torch.random.fork_rng(devices=[]):
        _steps(lesson, maker, budget, place, progress, seed, report)
    return progress


def _steps(
    lesson: Lesson,
    maker: BatchMaker,
    budget: Budget,
    place: RunFiles,
    progress: RunState,
    seed: int,
    report: Callable[[int, float, dict[str, float]], None] | None,
) -> None:
    """Step until the budget is used, from where ``progress`` stands, which moves along."""
    sums: dict[str, float] = {}
    count, saved = 0, time.monotonic()
    while (share := budget.progress(progress.step, progress.seconds)) < 1.0:
        started = time.monotonic()
        torch.manual_seed(seed * 1_000_003 + progress.step)
        for name, optimizer in lesson.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(lesson.rates[name], progress.step, share, warm_up=WARM_UP_STEPS)
        batch = maker.make(progress.step)
        with torch.autocast("cpu", torch.bfloat16):
            losses = lesson.step(batch)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value
        count += 1
        progress.step += 1
        progress.pixels += batch.images.numel()
        progress.seconds += time.monotonic() - started
        if progress.step % CURVE_EVERY == 0:
            means = {name: value / count for name, value in sums.items()}
            append_row(place.curves, {"step": progress.step, "seconds": round(progress.seconds, 1), **means})
            if report is not None:
                report(progress.step, share, means)
            sums, count = {}, 0
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                save_checkpoint(place.checkpoint, lesson.modules, lesson.optimizers, progress)
                saved = time.monotonic()
    save_checkpoint(place.checkpoint, lesson.modules, lesson.optimizers, progress)


def read_curves(path: Path) -> dict[str, list[float]]:
    """The columns of a curves file; empty when there is none."""
    if not path.exists():
        return {}
    with path.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}


def _cut_curves(path: Path, step: int) -> None:
    """Drop the points after a step: those that a broken-off run wrote behind its last checkpoint."""
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines()
    kept = [row for row in rows if row and int(row.split(",", 1)[0]) <= step]
    if kept:
        path.write_text("\n".join([header, *kept]) + "\n")
    else:
        path.unlink()
