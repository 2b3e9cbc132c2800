"""The training loop: rates, reports, validation, checkpoints, resume and signals, with a network of one weight."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from pipeline.training.common.checkpoint import RunState, load_checkpoint, read_state
from pipeline.training.common.loop import LoopOptions, Report, StepResult, TrainingHooks, TrainingLoop
from pipeline.training.common.schedule import Budget, learning_rate


class Counting(TrainingHooks[int]):
    """Trains one weight on the numbers of the steps, and records what the loop does with it."""

    def __init__(self) -> None:
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.network.weight)
        self.optimizer = torch.optim.SGD(self.network.parameters(), 1.0)
        self.other = torch.optim.SGD(nn.Linear(1, 1).parameters(), 1.0)
        self.state = RunState(facts={"seed": 3})
        self.calls: list[tuple[str, int]] = []
        self.rates: list[tuple[float, float]] = []
        self.reports: list[Report] = []
        self.closed = False
        self.signal_at: int | None = None

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"network": self.network}

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"network": self.optimizer, "other": self.other}

    @property
    def peak_rates(self) -> Mapping[str, float]:
        return {"network": 0.1, "other": 0.2}

    @contextmanager
    def batches(self) -> Iterator[Iterator[int]]:
        yield count(self.state.step)
        self.closed = True

    def step(self, batch: int) -> StepResult:
        assert batch == self.state.step
        if batch == self.signal_at:
            signal.raise_signal(signal.SIGTERM)
        self.rates.append((self.optimizer.param_groups[0]["lr"], self.other.param_groups[0]["lr"]))
        loss = (self.network(torch.tensor([[float(batch)]])) / 10).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return StepResult({"loss": loss.detach(), "number": float(batch)}, 7)

    def log(self, report: Report) -> None:
        self.reports.append(report)
        self.calls.append(("log", self.state.step))

    def validate(self) -> None:
        self.calls.append(("validate", self.state.step))

    def save_result(self) -> None:
        self.calls.append(("save", self.state.step))


@pytest.fixture
def make_loop(tmp_path: Path) -> Callable[..., TrainingLoop[int]]:
    def make(hooks: Counting, steps: int, **changes: Any) -> TrainingLoop[int]:
        standard: dict[str, Any] = {"report_steps": 3, "warm_up": 4}
        return TrainingLoop(
            hooks, LoopOptions(Budget(steps=steps), tmp_path / "checkpoint.safetensors", **(standard | changes))
        )

    return make


def test_a_run_trains_reports_and_saves(make_loop: Callable[..., TrainingLoop[int]], tmp_path: Path) -> None:
    hooks, seen = Counting(), list[Report]()
    assert make_loop(hooks, 7).run(seen.append)
    assert hooks.closed and seen == hooks.reports
    assert (hooks.state.step, hooks.state.pixels) == (7, 49) and hooks.state.seconds > 0
    assert hooks.calls == [("log", 3), ("log", 6), ("log", 7), ("save", 7)]
    shares = [(3, 2 / 7), (6, 5 / 7), (7, 1.0)]
    assert [(line.step, line.progress) for line in seen] == shares, "the share before the step, then the whole"
    assert [line.losses["number"] for line in seen] == [1.0, 4.0, 6.0], "means since the last report"
    assert all(0 <= line.waiting <= 1 and line.steps_per_second > 0 and line.left_seconds >= 0 for line in seen)
    assert list(seen[0].losses) == ["loss", "number"] and seen[0].loss == seen[0].losses["loss"]
    assert read_state(tmp_path / "checkpoint.safetensors") == hooks.state


def test_each_optimiser_follows_the_schedule_to_its_own_peak(make_loop: Callable[..., TrainingLoop[int]]) -> None:
    hooks = Counting()
    make_loop(hooks, 10).run()
    shares = [step / 10 for step in range(10)]
    assert hooks.rates == [
        tuple(learning_rate(peak, step, share, warm_up=4) for peak in (0.1, 0.2)) for step, share in enumerate(shares)
    ]
    reported = [line.rate for line in hooks.reports]
    assert reported == [hooks.rates[step - 1][0] for step in (3, 6, 9, 10)], "the first optimiser's"


def test_a_checkpoint_follows_each_validation(make_loop: Callable[..., TrainingLoop[int]]) -> None:
    hooks = Counting()
    make_loop(hooks, 5, validation_steps=2, report_steps=100).run()
    ends = [("log", 5), ("save", 5)]
    assert hooks.calls == [("validate", 2), ("save", 2), ("validate", 4), ("save", 4), *ends]


def test_validation_and_checkpoints_can_follow_the_clock(make_loop: Callable[..., TrainingLoop[int]]) -> None:
    hooks = Counting()
    make_loop(hooks, 2, validation_seconds=-1.0, report_steps=100).run()
    assert hooks.calls == [("validate", 1), ("save", 1), ("validate", 2), ("save", 2), ("log", 2), ("save", 2)]
    hooks = Counting()
    make_loop(hooks, 2, checkpoint_seconds=-1.0, report_steps=100).run()
    assert hooks.calls == [("save", 1), ("save", 2), ("log", 2), ("save", 2)]


def test_a_run_stopped_before_its_first_report_is_logged_and_goes_on(
    make_loop: Callable[..., TrainingLoop[int]], tmp_path: Path
) -> None:
    stopped = Counting()
    stopped.signal_at = 1
    assert not make_loop(stopped, 4).run()
    assert [(line.step, line.losses["number"]) for line in stopped.reports] == [(2, 0.5)]
    resumed = Counting()
    resumed.state = load_checkpoint(tmp_path / "checkpoint.safetensors", resumed.modules, resumed.optimizers)
    assert make_loop(resumed, 4).run()
    assert [(line.step, line.losses["number"]) for line in resumed.reports] == [(3, 1.0), (4, 3.0)]


def test_a_signal_stops_after_the_step_and_the_run_resumes_bit_for_bit(
    make_loop: Callable[..., TrainingLoop[int]], tmp_path: Path
) -> None:
    whole = Counting()
    make_loop(whole, 8).run()
    stopped = Counting()
    stopped.signal_at = 4
    before = signal.getsignal(signal.SIGTERM)
    assert not make_loop(stopped, 8).run(), "a stopped run is not complete"
    assert signal.getsignal(signal.SIGTERM) is before
    assert stopped.state.step == 5 and stopped.closed
    resumed = Counting()
    resumed.state = load_checkpoint(tmp_path / "checkpoint.safetensors", resumed.modules, resumed.optimizers)
    assert resumed.state.step == 5 and resumed.state.facts == {"seed": 3}
    assert make_loop(resumed, 8).run()
    assert torch.equal(resumed.network.weight, whole.network.weight)
    lines = [(line.step, line.losses) for hooks in (stopped, resumed) for line in hooks.reports]
    assert lines == [(line.step, line.losses) for line in whole.reports], "means over the break as well"


def test_a_used_budget_trains_nothing(make_loop: Callable[..., TrainingLoop[int]]) -> None:
    hooks = Counting()
    assert make_loop(hooks, 0).run()
    assert hooks.calls == [("save", 0)]
