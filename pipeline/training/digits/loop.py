"""Training of one digit network, with curves, checkpoints and resume."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from pipeline.errors import ConfigurationError
from pipeline.runtime.precision import autocast_training
from pipeline.training.common.checkpoint import RunState, load_checkpoint
from pipeline.training.common.csv_log import append_row
from pipeline.training.common.loop import LoopOptions, Report, StepResult, TrainingHooks, TrainingLoop
from pipeline.training.common.schedule import Budget
from pipeline.training.digits.batches import DigitBatch, DigitBatchMaker
from pipeline.training.digits.steps import NetworkStep

CURVE_EVERY = 25
"""Steps that make one point of the curves."""

CHECKPOINT_SECONDS = 60.0
WARM_UP_STEPS = 100


@dataclass(frozen=True)
class RunFiles:
    """The files of a run: what it resumes from, and its curves for the report."""

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


class DigitTraining(TrainingHooks[DigitBatch]):
    """One run of one network."""

    def __init__(self, network: NetworkStep, maker: DigitBatchMaker, files: RunFiles, *, seed: int) -> None:
        self._network = network
        self._maker = maker
        self._files = files
        self._seed = seed
        self.state = RunState(facts={"seed": seed, "digits": maker.digest})

    def resume(self) -> None:
        """Load the checkpoint.

        Raises ``ConfigurationError`` when it was written with another seed or other data, ``WeightsError`` when it is
        damaged.
        """
        found = load_checkpoint(self._files.checkpoint, self.modules, self.optimizers)
        if found.facts != self.state.facts:
            raise ConfigurationError(
                f"{self._files.checkpoint} was written with another seed or other digits: give --seed "
                f"{found.facts.get('seed')} and the same --data, or start again without --resume"
            )
        self.state = found

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules in a checkpoint."""
        return self._network.modules

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        """The optimisers in a checkpoint."""
        return self._network.optimizers

    @property
    def peak_rates(self) -> Mapping[str, float]:
        """The peak learning rate of each optimiser."""
        return self._network.peak_rates

    @contextmanager
    def batches(self) -> Iterator[Iterator[DigitBatch]]:
        """Open the stream of batches."""
        yield (self._maker.make(step) for step in count(self.state.step))

    def step(self, batch: DigitBatch) -> StepResult:
        """Train on one batch; dropout follows from seed and step."""
        torch.manual_seed(self._seed * 1_000_003 + self.state.step)
        with autocast_training(torch.device("cpu")):
            losses = self._network.step(batch, self.state.step)
        return StepResult(losses, batch.images.numel())

    def log(self, report: Report) -> None:
        """Append a point to the curves."""
        row = {"step": report.step, "seconds": round(self.state.seconds, 1), **report.losses}
        append_row(self._files.curves, row)


def train(
    network: NetworkStep,
    maker: DigitBatchMaker,
    budget: Budget,
    files: RunFiles,
    *,
    seed: int,
    resume: bool = False,
    report: Callable[[Report], None] | None = None,
) -> RunState:
    """Train until the budget is used and return the state of the run.

    Batches and dropout follow from seed and step, the weights and the optimisers' state from the checkpoint: a run of a
    number of steps that was stopped and resumed ends bit for bit like one that was not, on the same machine with the
    same number of threads. ``report`` is called every ``CURVE_EVERY`` steps.

    Raises ``KeyboardInterrupt`` when Ctrl-C or SIGTERM stopped the run, after a checkpoint is written;
    ``ConfigurationError`` when a checkpoint was written with another seed or other data, ``WeightsError`` when it is
    damaged.
    """
    files.folder.mkdir(parents=True, exist_ok=True)
    training = DigitTraining(network, maker, files, seed=seed)
    if resume and files.checkpoint.exists():
        training.resume()
    _cut_curves(files.curves, training.state.step)
    for module in network.modules.values():
        module.train()
    loop = TrainingLoop(
        training,
        LoopOptions(
            budget,
            files.checkpoint,
            warm_up=WARM_UP_STEPS,
            report_steps=CURVE_EVERY,
            checkpoint_seconds=CHECKPOINT_SECONDS,
        ),
    )
    with torch.random.fork_rng(devices=[]):
        complete = loop.run(report)
    if not complete:
        raise KeyboardInterrupt(f"stopped at step {training.state.step:,}; {files.checkpoint} is saved")
    return training.state


def read_curves(path: Path) -> dict[str, list[float]]:
    """Return the columns of a curves file; empty when there is none."""
    if not path.exists():
        return {}
    with path.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}


def _cut_curves(path: Path, step: int) -> None:
    """Remove the points after a step, which a killed run wrote after its last checkpoint."""
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines()
    kept = [row for row in rows if row and int(row.split(",", 1)[0]) <= step]
    if kept:
        path.write_text("\n".join([header, *kept]) + "\n")
    else:
        path.unlink()
