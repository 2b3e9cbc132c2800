"""The training loop of every network: budget, learning rates, reports, validation, checkpoints, signals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.training.common.checkpoint import ReportWindow, RunState, save_checkpoint
from pipeline.training.common.schedule import WARM_UP_STEPS, Budget, learning_rate
from pipeline.training.common.signals import stop_on_signal

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class StepResult:
    """What one update brought.

    Attributes:
        losses: named scalars in the order of the log's columns.
        pixels: how many pixels the network was trained on.
    """

    losses: Mapping[str, Tensor | float]
    pixels: int


@dataclass(frozen=True)
class Report:
    """The progress of a run.

    Attributes:
        step: how many steps are done.
        progress: share of the budget that was used before the last of them, 0..1.
        losses: means since the last report, by name.
        rate: learning rate of the last step, the first optimiser's.
        steps_per_second: speed since the last report, without validation and checkpoints.
        waiting: share of that time spent waiting for data.
        left_seconds: estimate of the time left.
    """

    step: int
    progress: float
    losses: dict[str, float]
    rate: float
    steps_per_second: float
    waiting: float
    left_seconds: float

    @property
    def loss(self) -> float:
        """The loss named ``loss``."""
        return self.losses["loss"]


class TrainingHooks(Protocol[Batch]):
    """What differs between trainings.

    Attributes:
        state: where the run is; the loop counts steps, seconds and pixels in it.
    """

    state: RunState

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules to be kept in a checkpoint, by name."""
        ...

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        """The optimisers to be kept in a checkpoint, by name."""
        ...

    @property
    def peak_rates(self) -> Mapping[str, float]:
        """The peak learning rate of each optimiser, by name."""
        ...

    def batches(self) -> AbstractContextManager[Iterator[Batch]]:
        """Open the endless stream of batches that starts at the current step."""
        ...

    def step(self, batch: Batch) -> StepResult:
        """Train on one batch; learning rates are set, ``state.step`` is the number of steps before this one."""
        ...

    def log(self, report: Report) -> None:
        """Append a report to the run's log, where there is one."""
        return

    def validate(self) -> object:
        """Measure the network on held-out data and log the figures, where the training does."""
        return None

    def save_result(self) -> None:
        """Write what belongs beside a checkpoint, such as weights."""
        return


@dataclass(frozen=True)
class LoopOptions:
    """How long a run trains and what it does on the way.

    Attributes:
        budget: when the run is complete.
        checkpoint: path of the checkpoint.
        warm_up: steps over which the learning rate rises.
        report_steps: steps between two reports.
        checkpoint_seconds: time between two checkpoints; one is written after each validation and at the end as well.
        validation_seconds: time between two validations.
        validation_steps: steps between two validations; 0 leaves it to the time.
    """

    budget: Budget
    checkpoint: Path
    warm_up: int = WARM_UP_STEPS
    report_steps: int = 50
    checkpoint_seconds: float = 240.0
    validation_seconds: float = math.inf
    validation_steps: int = 0


class TrainingLoop(Generic[Batch]):
    """Trains until the budget is used. Ctrl-C or SIGTERM ends it after the current step, with a checkpoint."""

    def __init__(self, hooks: TrainingHooks[Batch], options: LoopOptions) -> None:
        self._hooks = hooks
        self._options = options

    def run(self, report: Callable[[Report], None] | None = None) -> bool:
        """Return True when the budget is used, False when a signal stopped the run; a checkpoint is written either way.

        ``report`` is called with each report, after it is logged.
        """
        hooks, options, state = self._hooks, self._options, self._hooks.state
        saved = validated = time.monotonic()
        rate = 0.0
        with hooks.batches() as batches, stop_on_signal() as stop:
            while (share := self._share()) < 1.0 and not stop.asked:
                started = time.monotonic()
                batch = next(batches)
                waited = time.monotonic() - started
                rate = self._set_rates(share)
                result = hooks.step(batch)
                state.step += 1
                state.pixels += result.pixels
                seconds = time.monotonic() - started
                state.seconds += seconds
                state.window.add(result.losses, seconds, waited)
                if state.step % options.report_steps == 0:
                    self._publish(share, rate, report)
                    state.window = ReportWindow()
                now = time.monotonic()
                validation_due = self._validation_due(now - validated)
                if validation_due:
                    hooks.validate()
                    validated = time.monotonic()
                if validation_due or now - saved > options.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
            if state.window.steps and (share >= 1.0 or state.window.steps == state.step):
                # What is left of a complete run, or all of one too short for a report: its curves must not be empty.
                self._publish(share, rate, report)
                if share >= 1.0:
                    state.window = ReportWindow()
            self._save()
        return share >= 1.0

    def _share(self) -> float:
        state = self._hooks.state
        return self._options.budget.progress(state.step, state.seconds)

    def _validation_due(self, seconds: float) -> bool:
        steps = self._options.validation_steps
        return seconds > self._options.validation_seconds or (steps > 0 and self._hooks.state.step % steps == 0)

    def _set_rates(self, share: float) -> float:
        """Set the learning rates of all optimisers; return the first one's."""
        rates = []
        for name, optimizer in self._hooks.optimizers.items():
            peak = self._hooks.peak_rates[name]
            rates.append(learning_rate(peak, self._hooks.state.step, share, warm_up=self._options.warm_up))
            for group in optimizer.param_groups:
                group["lr"] = rates[-1]
        return rates[0]

    def _publish(self, share: float, rate: float, report: Callable[[Report], None] | None) -> None:
        """Log the steps since the last report, and report them."""
        line = self._report(share, rate)
        self._hooks.log(line)
        if report is not None:
            report(line)

    def _report(self, share: float, rate: float) -> Report:
        state, window = self._hooks.state, self._hooks.state.window
        speed = window.steps / max(window.seconds, 1e-9)
        left = self._options.budget.time_left(state.step, state.seconds, speed)
        waiting = window.waited / max(window.seconds, 1e-9)
        return Report(state.step, share, window.means(), rate, speed, waiting, left)

    def _save(self) -> None:
        hooks = self._hooks
        save_checkpoint(self._options.checkpoint, hooks.modules, hooks.optimizers, hooks.state)
        hooks.save_result()
