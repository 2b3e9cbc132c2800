"""What a training run tells of its progress on the way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One line of progress: the mean loss since the last one, speed and what is left."""

    step: int
    progress: float
    loss: float
    terms: dict[str, float]
    rate: float
    steps_per_second: float
    waiting: float
    left_seconds: float
