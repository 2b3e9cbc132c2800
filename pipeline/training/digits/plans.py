"""The training plans of the digit networks: epochs, batches, holes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pipeline.errors import ConfigurationError
from pipeline.training.digits.batches import BATCH, DigitBatchMaker
from pipeline.training.digits.datasets import Digits
from pipeline.training.digits.holes import SIZES
from pipeline.training.digits.region_step import RegionStep
from pipeline.training.digits.steps import ClassifierStep, NetworkStep, PaperStep


@dataclass(frozen=True)
class TrainingPlan:
    """How one network is trained.

    Attributes:
        network: ``judge`` (the classifier), ``paper`` or ``region``.
        epochs: how often every training digit is seen.
        batch: digits in a batch.
        elsewhere: share of holes at any place instead of the centre.
        adversarial_from: share of the steps after which the region network is trained against a discriminator.
    """

    network: str
    epochs: float
    batch: int = BATCH
    elsewhere: float = 0.0
    adversarial_from: float = 0.0


PLANS = {
    "judge": TrainingPlan("judge", epochs=10),
    "paper": TrainingPlan("paper", epochs=6),
    "region": TrainingPlan("region", epochs=8.5, batch=64, elsewhere=0.1, adversarial_from=0.7),
}
"""The plans of the shipped weights; the order is that of training."""


@dataclass(frozen=True)
class Prepared:
    """A network with its first weights, its batches, and its number of steps."""

    network: NetworkStep
    maker: DigitBatchMaker
    steps: int


def prepare(plan: TrainingPlan, digits: Digits, seed: int) -> Prepared:
    """Return a training ready to start; everything in it follows from the seed."""
    maker = DigitBatchMaker(digits, seed, sizes=SIZES, elsewhere=plan.elsewhere, batch=plan.batch)
    steps = round(plan.epochs * maker.steps_per_epoch)
    if steps < 1:
        raise ConfigurationError(f"{plan.epochs:g} epochs of {len(digits)} digits are not one training step: give more")
    network: NetworkStep
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if plan.network == "judge":
            network = ClassifierStep()
        elif plan.network == "paper":
            network = PaperStep()
        else:
            network = RegionStep(adversarial_from=round(plan.adversarial_from * steps))
    return Prepared(network, maker, steps)
