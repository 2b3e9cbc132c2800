"""Schedules of a run: budget, learning rate, crop size, decay of the average."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

WARM_UP_STEPS = 300
COOL_DOWN = 0.3
"""Last share of the budget, in which the learning rate falls along a cosine."""
LARGE_CROPS = 0.8
FLOOR = 0.01


@dataclass(frozen=True)
class Budget:
    """How long a run trains: exactly one of steps, hours or a moment.

    Progress is measured against the whole budget: resuming a finished run with a larger one raises the learning rate
    again and adds a new cool-down.

    Attributes:
        steps: number of steps.
        hours: hours of training, breaks not counted.
        until: moment in seconds since the epoch (1970).
    """

    steps: int | None = None
    hours: float | None = None
    until: float | None = None

    def __post_init__(self) -> None:
        if [self.steps, self.hours, self.until].count(None) != 2:
            raise ValueError("a budget is exactly one of: a number of steps, a number of hours, a moment")
        if (self.steps or 0) < 0 or (self.hours or 0.0) < 0.0:
            raise ValueError("a budget cannot be negative")

    def progress(self, step: int, seconds: float) -> float:
        """Return the used share of the budget, 0..1."""
        if self.steps is not None:
            return min(1.0, step / self.steps) if self.steps else 1.0
        left = self.seconds_left(seconds)
        return min(1.0, seconds / max(1e-9, seconds + left)) if left > 0 else 1.0

    def seconds_left(self, seconds: float) -> float:
        """Return the seconds of training that are left after ``seconds`` of it; infinite when steps are counted."""
        if self.until is not None:
            return max(0.0, self.until - time.time())
        if self.hours is not None:
            return max(0.0, self.hours * 3600.0 - seconds)
        return math.inf

    def time_left(self, step: int, seconds: float, speed: float) -> float:
        """Return the seconds that are left after ``step`` steps in ``seconds``, at ``speed`` steps per second."""
        if self.steps is None:
            return self.seconds_left(seconds)
        return max(0.0, self.steps - step) / max(speed, 1e-9)


def learning_rate(peak: float, step: int, progress: float, *, warm_up: int = WARM_UP_STEPS) -> float:
    """Return the learning rate of a step: linear warm-up, constant, then a cosine down to 1 % of the peak."""
    rate = peak * min(1.0, (step + 1) / max(1, warm_up))
    if progress > 1.0 - COOL_DOWN:
        phase = (progress - (1.0 - COOL_DOWN)) / COOL_DOWN
        rate *= FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, phase)))
    return rate


def crop_plan(step: int, progress: float, base: int, count: int) -> tuple[int, int]:
    """Return side and number of the crops in a step's batch, at about the same number of pixels.

    In the last fifth of the budget crops have 1.5 and 2 times the side alternately, so that the network learns to use
    the whole context of a window.
    """
    if progress < LARGE_CROPS:
        return base, count
    if step % 2:
        return base * 2, max(1, count // 4)
    return base * 3 // 2, max(1, round(count * 4 / 9))


def ema_decay(step: int) -> float:
    """Return the decay of the averaged weights: low at first, so that the random start is forgotten, then 0.9995."""
    return min(0.9995, (1.0 + step) / (20.0 + step))
