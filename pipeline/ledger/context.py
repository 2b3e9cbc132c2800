"""Describe where work is done: the task, its attempt and the host."""

from __future__ import annotations

import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class TaskContext:
    """The task that does the work; empty outside a scheduler.

    Attributes:
        map_index: index among mapped tasks, -1 when the task is not mapped.
        try_number: 1 for the first attempt, 0 where attempts are not counted.
        memory_ran_out: earlier attempts that ran out of memory or ended without recording an error; None when unknown,
            which counts as all of them.
    """

    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    try_number: int = 0
    memory_ran_out: int | None = None

    @property
    def halvings(self) -> int:
        """How often to halve the amount of work done together."""
        return max(0, self.try_number - 1) if self.memory_ran_out is None else self.memory_ran_out


def host() -> str:
    """Return the name of this host."""
    return platform.node() or "localhost"
