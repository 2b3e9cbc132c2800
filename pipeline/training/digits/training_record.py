"""What was done to get a network."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainingRecord:
    """What was done to get one network: for the report and the model card.

    Attributes:
        network: ``judge``, ``paper`` or ``region``.
        seed, steps, digits: of the training; ``digits`` counts those trained on.
        seconds: of training, breaks not counted.
        parameters: numbers in the network.
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
