"""Inpaint many scans: windows of different scans share batches, and memory does not grow with their number."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.blend import Patch, blend, cut_patch
from pipeline.engines.crop import crop
from pipeline.engines.interface import BoolMask, Engine, Filled, FloatImage, Job, WindowLayout
from pipeline.engines.oom_backoff import OomBackoff
from pipeline.engines.pixels import canonical, to_float
from pipeline.engines.plan import Plan, Window, plan, wider
from pipeline.imaging.mapped import release

AHEAD_PIXELS = 32 << 20
"""Pixels of scans that may wait until the batches of their windows are full."""

AHEAD_SCANS = 256
HOPELESS = "the mask covers the whole scan: there is nothing to fill it from, nothing was changed"


@dataclass
class _Work:
    """A scan whose windows are being filled."""

    job: Job
    mask: NDArray[np.uint8]
    missing: NDArray[np.uint8]
    plan: Plan
    patches: list[Patch | None]
    seconds: float
    open: int
    notes: list[str] = field(default_factory=list)


def inpaint(
    jobs: Iterable[Job],
    engine: Engine,
    *,
    batch_pixels: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Filled]:
    """Yield the new pixels of each scan, in the order of the jobs.

    Jobs are taken only as they are needed: at most some 32 megapixels of small scans (or one large one) wait for
    others to share a batch with. No scan's result depends on its neighbours.

    Args:
        jobs: scans with their masks; an empty mask costs nothing.
        engine: what fills.
        batch_pixels: pixels of windows in one call of the engine; by default what the engine's layout asks for.
        progress: called with the number of windows just filled.

    Raises:
        ValueError: a mask and its scan differ in size.
        MemoryError: one window alone is too large, on the CPU too.
    """
    runner = _Runner(OomBackoff(engine, batch_pixels or engine.layout.batch_pixels), progress)
    waiting: deque[_Work] = deque()
    held = 0
    for job in jobs:
        work = _begin(job, engine.layout)
        waiting.append(work)
        held += work.mask.size
        runner.add(work)
        if held > AHEAD_PIXELS or len(waiting) > AHEAD_SCANS:
            runner.flush()
        while waiting and not waiting[0].open:
            done = waiting.popleft()
            held -= done.mask.size
            yield _finish(done)
    runner.flush()
    while waiting:
        yield _finish(waiting.popleft())


def paste(colour: NDArray[Any], mask: NDArray[np.uint8], filled: Filled) -> FloatImage:
    """Return a scan (H,W,3) float32 with its new pixels; pixels outside the mask do not change.

    Args:
        colour: of the job; integers are scaled to 0..1.
        mask: of the job.
        filled: what :func:`inpaint` yielded for it.
    """
    result = to_float(colour)
    if len(filled.pixels):
        result[mask != 0] = filled.pixels
    return result


class _Runner:
    """Collect windows by size and fill them batch by batch."""

    def __init__(self, backoff: OomBackoff, progress: Callable[[int], None] | None) -> None:
        self._backoff = backoff
        self._progress = progress
        self._groups: dict[tuple[int, int], list[tuple[_Work, int]]] = defaultdict(list)

    def add(self, work: _Work) -> None:
        """Queue the windows of a scan and fill every batch that is complete."""
        for number, window in enumerate(work.plan.windows):
            group = self._groups[window.shape]
            group.append((work, number))
            if len(group) * window.shape[0] * window.shape[1] >= self._backoff.batch_pixels:
                self._run(window.shape)

    def flush(self) -> None:
        """Fill all waiting windows."""
        for shape in list(self._groups):
            self._run(shape)

    def _run(self, shape: tuple[int, int]) -> None:
        group = self._groups.pop(shape)
        limit = max(1, self._backoff.batch_pixels // (shape[0] * shape[1]))
        for start in range(0, len(group), limit):
            self._fill(group[start : start + limit])

    def _fill(self, batch: list[tuple[_Work, int]]) -> None:
        started = time.perf_counter()
        seen, cut = zip(*(_look(work, work.plan.windows[number]) for work, number in batch), strict=True)
        images, holes = np.stack([image for image, _ in cut]), np.stack([hole for _, hole in cut])
        filled, notes = self._backoff.fill(images, holes)
        if not np.isfinite(filled[holes]).all():
            raise FloatingPointError(f"engine {self._backoff.engine.name} returned values that are not finite")
        share = (time.perf_counter() - started) / len(batch)
        for (work, number), shown, pixels in zip(batch, seen, filled, strict=True):
            work.patches[number] = cut_patch(work.plan.windows[number], pixels, work.mask, shown)
            work.open -= 1
            work.seconds += share
            work.notes += [note for note in notes if note not in work.notes]
        if self._progress is not None:
            self._progress(len(batch))


def _begin(job: Job, layout: WindowLayout) -> _Work:
    """Return a scan with its plan."""
    started = time.perf_counter()
    if job.colour.shape[:2] != job.mask.shape:
        size, mask_size = job.colour.shape[:2], job.mask.shape
        raise ValueError(f"{job.key}: the mask is {mask_size}, the scan {size} (rows, columns)")
    mask = canonical(job.mask)
    planned = plan(mask, layout, native=job.native)
    windows = len(planned.windows)
    missing = mask if job.unknown is None else mask | canonical(job.unknown)
    work = _Work(job, mask, missing, planned, [None] * windows, time.perf_counter() - started, windows)
    if planned.fully_masked:
        work.notes.append(HOPELESS)
    return work


def _look(work: _Work, window: Window) -> tuple[Window, tuple[FloatImage, BoolMask]]:
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


def _finish(work: _Work) -> Filled:
    """Return a scan's new pixels once all its windows are filled."""
    started = time.perf_counter()
    patches = [patch for patch in work.patches if patch is not None]
    pixels = blend(patches, work.mask, work.plan.field)
    seconds = work.seconds + time.perf_counter() - started
    return Filled(work.job.key, pixels, [patch.window.core for patch in patches], seconds, work.notes)
