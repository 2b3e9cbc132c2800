"""How far a run is, and what follows from it: learning rate, crop size, averaging."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

WARM_UP_STEPS = 300
COOL_DOWN = 0.3
"""The last share of the budget, in which the learning rate falls along a cosine."""
LARGE_CROPS = 0.8
FLOOR = 0.01


@dataclass(frozen=True)
class Budget:
    """What a run may use: a number of steps, hours of training (breaks not counted), or the time until a moment
    (seconds since the epoch). One of the three.

    Progress is measured against the whole budget; resuming a finished run with a larger one raises the learning
    rate again and gives it a new cool-down.
    """

    steps: int | None = None
    hours: float | None = None
    until: float | None = None

    def __post_init__(self) -> None:
        if [self.steps, self.hours, self.until].count(None) != 2:
            raise ValueError("a budget is a number of steps, or of hours, or a moment: one of the three")
        if (self.steps or 0) < 0 or (self.hours or 0.0) < 0.0:
            raise ValueError("a budget cannot be negative")

    def progress(self, step: int, seconds: float) -> float:
        """The share of the budget that is used, 0..1."""
        if self.steps is not None:
            return min(1.0, step / self.steps) if self.steps else 1.0
        left = self.seconds_left(seconds)
        return min(1.0, seconds / max(1e-9, seconds + left)) if left > 0 else 1.0

    def seconds_left(self, seconds: float) -> float:
        """How many seconds of training are left after ``seconds`` of it; infinite where steps are counted."""
        if self.until is not None:
            return max(0.0, self.until - time.time())
        if self.hours is not None:
            return max(0.0, self.hours * 3600.0 - seconds)
        return math.inf

    def time_left(self, step: int, seconds: float, speed: float) -> float:
        """How many seconds are left after ``step`` steps in ``seconds``, at ``speed`` steps a second."""
        if self.steps is None:
            return self.seconds_left(seconds)
        return max(0.0, self.steps - step) / max(speed, 1e-9)


def learning_rate(peak: float, step: int, progress: float, *, warm_up: int = WARM_UP_STEPS) -> float:
    """The learning rate of a step: a linear warm-up, flat, and a cosine to 1 % of the peak in the last stretch."""
    rate = peak * min(1.0, (step + 1) / max(1, warm_up))
    if progress > 1.0 - COOL_DOWN:
        phase = (progress - (1.0 - COOL_DOWN)) / COOL_DOWN
        rate *= FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, phase)))
    return rate


def crop_plan(step: int, progress: float, base: int, count: int) -> tuple[int, int]:
    """Side of the crops and how many of them make a batch, at about the same number of pixels.

    The last fifth of the budget sees crops of 1.5 and 2 times the side, by turns, so that the network learns to use
    a window's whole context.
    """
    if progress < LARGE_CROPS:
        return base, count
    if step % 2:
        return base * 2, max(1, count // 4)
    return base * 3 // 2, max(1, round(count * 4 / 9))


def ema_decay(step: int) -> float:
    """The decay of the averaged weights: short at first, so that noise of the start is forgotten, then 0.9995."""
    return min(0.9995, (1.0 + step) / (20.0 + step))
