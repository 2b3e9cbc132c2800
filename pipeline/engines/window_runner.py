"""Fill the windows of scans in threads, batch by batch, while their caller plans, blends and stores others."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.blend import Patch, cut_patch
from pipeline.engines.crop import crop
from pipeline.engines.interface import BoolMask, Engine, FloatImage, Job
from pipeline.engines.oom_backoff import OomBackoff
from pipeline.engines.plan import Plan, Window, wider
from pipeline.imaging.mapped import release

AHEAD_CALLS = 4
"""Batches that may wait or be filled for each call of the engine at a time: it must never wait for a caller that plans
or blends. They take no memory before they are cut."""


@dataclass
class Work:
    """A scan whose windows are being filled.

    Attributes:
        mask: canonical, what is to be filled.
        missing: the same and what else is unknown.
        patches: what is kept of each window, None before it is filled.
        open: windows that are not filled yet.
    """

    job: Job
    mask: NDArray[np.uint8]
    missing: NDArray[np.uint8]
    plan: Plan
    patches: list[Patch | None]
    seconds: float
    open: int
    notes: list[str] = field(default_factory=list)


_Batch = list[tuple[Work, int]]
"""Scans, each with the number of one of its windows; all windows have the same shape."""


@dataclass(frozen=True)
class _Result:
    """What became of a batch: a patch for each window, and the seconds of the call that made them."""

    patches: list[Patch]
    seconds: float
    notes: list[str]


class WindowRunner:
    """Collect windows by shape and fill them in threads; close it after use.

    Args:
        batch_pixels: pixels of windows in one call of the engine.
        calls: of the engine at a time.
        progress: called with the number of windows just filled, in the thread that calls `step`.
    """

    def __init__(self, engine: Engine, batch_pixels: int, calls: int, progress: Callable[[int], None] | None) -> None:
        self._backoff = OomBackoff(engine, batch_pixels)
        self._calls, self._progress = calls, progress
        self._groups: dict[tuple[int, int], _Batch] = defaultdict(list)
        self._threads = ThreadPoolExecutor(calls, thread_name_prefix="fill")
        self._begun: deque[tuple[_Batch, Future[_Result]]] = deque()

    def add(self, work: Work) -> None:
        """Take the windows of a scan, and have every batch that is complete filled."""
        for number, window in enumerate(work.plan.windows):
            group = self._groups[window.shape]
            group.append((work, number))
            if len(group) * window.shape[0] * window.shape[1] >= self._backoff.batch_pixels:
                self._begin(window.shape)

    def flush(self) -> None:
        """Have all windows filled that wait for others to share a batch with."""
        for shape in list(self._groups):
            self._begin(shape)

    @property
    def is_busy(self) -> bool:
        """Whether so much is to be filled that no scan need be added before some of it is."""
        return len(self._begun) > AHEAD_CALLS * self._calls

    def step(self) -> None:
        """Wait for the oldest batch, and count its windows as filled.

        Raises:
            MemoryError, FloatingPointError, ValueError: it could not be filled.
        """
        batch, future = self._begun.popleft()
        try:
            found = future.result()
        finally:
            # An error refers to this frame: with its future here, it would keep itself, and the scans, in memory.
            del future
        for (work, number), patch in zip(batch, found.patches, strict=True):
            work.patches[number] = patch
            work.open -= 1
            # Calls at a time share the machine.
            work.seconds += found.seconds / len(batch) / self._calls
            work.notes += [note for note in found.notes if note not in work.notes]
        if self._progress is not None:
            self._progress(len(batch))

    def close(self) -> None:
        """Give up what was not begun; after it nothing runs any more."""
        self._threads.shutdown(cancel_futures=True)

    def _begin(self, shape: tuple[int, int]) -> None:
        group = self._groups.pop(shape)
        limit = max(1, self._backoff.batch_pixels // (shape[0] * shape[1]))
        for start in range(0, len(group), limit):
            batch = group[start : start + limit]
            self._begun.append((batch, self._threads.submit(self._fill, batch)))

    def _fill(self, batch: _Batch) -> _Result:
        """Return the patches of a batch; called in a thread."""
        started = time.perf_counter()
        seen, cut = zip(*(_look(work, work.plan.windows[number]) for work, number in batch), strict=True)
        images, holes = np.stack([image for image, _ in cut]), np.stack([hole for _, hole in cut])
        filled, notes = self._backoff.fill(images, holes)
        if not np.isfinite(filled[holes]).all():
            raise FloatingPointError(f"engine {self._backoff.engine.name} returned values that are not finite")
        patches = [
            cut_patch(work.plan.windows[number], pixels, work.mask, shown)
            for (work, number), shown, pixels in zip(batch, seen, filled, strict=True)
        ]
        return _Result(patches, time.perf_counter() - started, notes)


def _look(work: Work, window: Window) -> tuple[Window, tuple[FloatImage, BoolMask]]:
    """Return a window with its image and holes, widened until it contains an intact pixel."""
    height, width = work.mask.shape
    while True:
        image, holes = crop(work.job.colour, work.missing, window)
        # The system maps whole rows of a wide scan around each row that is read: a batch's windows would map all of it.
        release(work.job.colour)
        if not holes.all():
            return window, (image, holes)
        if window.rect.height >= 2 * height and window.rect.width >= 2 * width:
            raise ValueError(f"{work.job.key}: no pixel outside the mask is finite")
        window = wider(window, work.mask.shape)
