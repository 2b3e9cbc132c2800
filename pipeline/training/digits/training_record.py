"""The record of a network's training, for the report and the model card."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainingRecord:
    """How one network was trained.

    Attributes:
        network: ``judge`` (the classifier), ``paper`` or ``region``.
        seed, steps, digits: of the training; ``digits`` is the number of training digits.
        seconds: training time, breaks not counted.
        parameters: number of parameters.
        digest: sha256 of the weights file.
        curves: loss by step, as :func:`pipeline.training.digits.loop.read_curves` returns it.
    """

    network: str
    seed: int
    steps: int
    digits: int
    seconds: float
    parameters: int
    digest: str
    curves: dict[str, list[float]] = field(default_factory=dict)
