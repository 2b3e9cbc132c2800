"""Training of the digit networks: it learns, is reproducible and resumes bit for bit."""

from __future__ import annotations

import signal

import pytest
import torch

from pipeline.errors import ConfigurationError, WeightsError
from pipeline.training.common.checkpoint import read_state
from pipeline.training.common.schedule import Budget
from pipeline.training.digits.batches import DigitBatchMaker
from pipeline.training.digits.loop import RunFiles, read_curves, train
from pipeline.training.digits.plans import TrainingPlan, prepare
from pipeline.training.digits.region_step import SHARPNESS, mixture_loss
from pipeline.training.digits.steps import PaperStep

BATCH = 16


def train_steps(name, digits, folder, steps, *, seed=1, resume=False, total=None):
    """Train for so many steps of a run of ``total``; the network."""
    ready = prepare(TrainingPlan(name, epochs=1, batch=BATCH, elsewhere=0.2, adversarial_from=0.1), digits, seed)
    place = RunFiles(folder, name)
    budget = Budget(steps=total or steps)
    if total is not None and steps < total:
        with pytest.raises(KeyboardInterrupt):
            train(ready.network, ready.maker, Stopping(budget, steps), place, seed=seed, resume=resume)
    else:
        train(ready.network, ready.maker, budget, place, seed=seed, resume=resume)
    return ready.network


class Stopping:
    """A budget that is interrupted, as a user does."""

    def __init__(self, budget, at):
        self.budget, self.at = budget, at

    def __getattr__(self, name):
        return getattr(self.budget, name)

    def progress(self, step, seconds):
        if step == self.at:
            raise KeyboardInterrupt
        return self.budget.progress(step, seconds)


def tensors(network):
    return {
        f"{name}.{key}": value.clone()
        for name, module in network.modules.items()
        for key, value in module.state_dict().items()
    }


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", ["judge", "paper", "region"])
def test_a_run_repeats_itself_and_another_seed_is_another_run(name, digits, tmp_path):
    first = tensors(train_steps(name, digits, tmp_path / "a", 3))
    assert same(first, tensors(train_steps(name, digits, tmp_path / "b", 3)))
    assert not same(first, tensors(train_steps(name, digits, tmp_path / "c", 3, seed=2)))


@pytest.mark.parametrize("name", ["judge", "paper", "region"])
def test_a_run_that_was_stopped_ends_in_the_same_bits(name, digits, tmp_path, monkeypatch):
    # A checkpoint after every step, a point of the curves every two steps.
    monkeypatch.setattr("pipeline.training.digits.loop.CURVE_EVERY", 2)
    monkeypatch.setattr("pipeline.training.digits.loop.CHECKPOINT_SECONDS", -1.0)
    whole = train_steps(name, digits, tmp_path / "whole", 8)
    # Stopped after step 5, in the middle of a point of the curves.
    train_steps(name, digits, tmp_path / "broken", 5, total=8)
    resumed = train_steps(name, digits, tmp_path / "broken", 8, resume=True)
    assert same(tensors(whole), tensors(resumed))
    points, again = (read_curves(RunFiles(tmp_path / run, name).curves) for run in ("whole", "broken"))
    assert points["step"] == [2, 4, 6, 8]
    for curves in (points, again):
        del curves["seconds"]
    assert points == again


def test_a_signal_saves_and_stops(digits, tmp_path):
    ready = prepare(TrainingPlan("judge", epochs=1, batch=BATCH), digits, 1)
    make = ready.maker.make

    def make_and_signal(step):
        if step == 2:
            signal.raise_signal(signal.SIGTERM)
        return make(step)

    ready.maker.make = make_and_signal
    files = RunFiles(tmp_path, "judge")
    with pytest.raises(KeyboardInterrupt, match="stopped at step 3"):
        train(ready.network, ready.maker, Budget(steps=8), files, seed=1)
    assert read_state(files.checkpoint).step == 3


def test_the_random_state_of_the_caller_is_left_alone(digits, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_steps("paper", digits, tmp_path, 2)
    assert torch.equal(torch.rand(3), expected)


def test_resuming_with_another_seed_or_a_damaged_checkpoint_is_refused(digits, tmp_path):
    train_steps("judge", digits, tmp_path, 2)
    with pytest.raises(ConfigurationError, match="--seed 1"):
        train_steps("judge", digits, tmp_path, 2, seed=2, resume=True)
    path = RunFiles(tmp_path, "judge").checkpoint
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=path.name):
        train_steps("judge", digits, tmp_path, 2, resume=True)


def test_a_tiny_training_lowers_the_losses(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.training.digits.loop.CURVE_EVERY", 10)
    monkeypatch.setattr("pipeline.training.digits.loop.WARM_UP_STEPS", 5)
    train_steps("judge", digits, tmp_path, 40)
    losses = read_curves(RunFiles(tmp_path, "judge").curves)["judge"]
    assert losses[-1] < 0.8 * losses[0]
    train_steps("region", digits, tmp_path, 40)
    drawn = read_curves(RunFiles(tmp_path, "region").curves)
    assert drawn["reconstruction"][-1] < 0.9 * drawn["reconstruction"][0]
    assert drawn["discriminator"][-1] > 0


def test_generator_and_discriminator_are_never_trained_at_once(digits):
    torch.manual_seed(0)
    network = PaperStep()
    batch = DigitBatchMaker(digits, 1, sizes=(10,), batch=BATCH).make(0)
    changed = []
    for name, optimizer in network.optimizers.items():
        other = network.modules["discriminator" if name == "generator" else "generator"]

        def step(*, before=optimizer.step, other=other, name=name):
            held = [parameter.clone() for parameter in other.parameters()]
            before()
            assert all(torch.equal(a, b) for a, b in zip(held, other.parameters(), strict=True))
            changed.append(name)

        optimizer.step = step
    network.step(batch, 0)
    assert changed == ["discriminator", "generator"]
    # The generator's own step left nothing behind for the discriminator's next one.
    network.modules["discriminator"].zero_grad()
    network.step(batch, 1)
    assert changed == ["discriminator", "generator"] * 2


def test_the_mixture_prefers_one_right_drawing_to_two_half_right_ones():
    sure = torch.zeros(1, 2)
    split = mixture_loss(torch.tensor([[0.0, 0.4]]), sure)
    blurred = mixture_loss(torch.tensor([[0.2, 0.2]]), sure)
    assert split < blurred
    # With one drawing it is the plain error.
    assert mixture_loss(torch.tensor([[0.3]]), torch.zeros(1, 1)) == pytest.approx(0.3)
    # Believing in the right drawing is rewarded, by as much as its likelihood says.
    believed = mixture_loss(torch.tensor([[0.0, 0.4]]), torch.tensor([[5.0, 0.0]]))
    assert (split - believed) * SHARPNESS == pytest.approx(0.6864, abs=1e-3)
