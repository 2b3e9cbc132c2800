"""Read no faster than a limit, so that checks leave the disks to those who work."""

from __future__ import annotations

import time
from collections.abc import Callable

# A wait shorter than this costs more than it evens out.
SHORTEST = 0.01


class Pace:
    """Waits after each block so that the mean since the start stays below a limit.

    Args:
        megabytes: per second, of 10^6 bytes; None for no limit.
        tick: called before each wait and after each block, for what must not wait for the end of a large file.
    """

    def __init__(self, megabytes: float | None, tick: Callable[[], object] | None = None) -> None:
        self.limit = None if megabytes is None else megabytes * 1e6
        self.tick = tick
        self.bytes = 0
        self._started = time.monotonic()

    def __call__(self, count: int) -> None:
        """Account for bytes that were read, and wait if they came too early."""
        self.bytes += count
        if self.tick is not None:
            self.tick()
        if self.limit is None:
            return
        early = self.bytes / self.limit - (time.monotonic() - self._started)
        if early > SHORTEST:
            time.sleep(early)
