"""Inpaint many scans: windows of different scans share batches, and memory does not grow with their number."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.blend import blend
from pipeline.engines.interface import Engine, Filled, FloatImage, Job, WindowLayout
from pipeline.engines.pixels import canonical, to_float
from pipeline.engines.plan import plan
from pipeline.engines.window_runner import WindowRunner, Work

AHEAD_PIXELS = 32 << 20
"""Pixels of scans that may wait until their windows are filled."""

AHEAD_SCANS = 256
HOPELESS = "the mask covers the whole scan: there is nothing to fill it from, nothing was changed"


def inpaint(
    jobs: Iterable[Job],
    engine: Engine,
    *,
    batch_pixels: int | None = None,
    calls: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Filled]:
    """Yield the new pixels of each scan, in the order of the jobs; the scans that follow are filled meanwhile.

    Jobs are taken only as they are needed: at most some 32 megapixels of small scans (or one large one) wait for
    others to share a batch with. No scan's result depends on its neighbours.

    Args:
        jobs: scans with their masks; an empty mask costs nothing.
        engine: what fills.
        batch_pixels: pixels of windows in one call of the engine; by default what the engine's layout asks for.
        calls: calls of the engine at a time at most; never more than its layout asks for.
        progress: called with the number of windows just filled.

    Raises:
        ValueError: a mask and its scan differ in size.
        MemoryError: one window alone is too large, on the CPU too.
    """
    layout = engine.layout
    calls = min(layout.calls, calls or layout.calls)
    waiting: deque[Work] = deque()
    held = 0
    with closing(WindowRunner(engine, batch_pixels or layout.batch_pixels, calls, progress)) as runner:
        for job in jobs:
            work = _begin(job, layout)
            waiting.append(work)
            held += work.mask.size
            runner.add(work)
            if held > AHEAD_PIXELS or len(waiting) > AHEAD_SCANS:
                runner.flush()
            while waiting:
                if waiting[0].open and (held > AHEAD_PIXELS or len(waiting) > AHEAD_SCANS or runner.is_busy):
                    runner.step()
                elif waiting[0].open:
                    break
                else:
                    held -= waiting[0].mask.size
                    yield _finish(waiting.popleft())
        runner.flush()
        while waiting:
            while waiting[0].open:
                runner.step()
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


def _begin(job: Job, layout: WindowLayout) -> Work:
    """Return a scan with its plan."""
    started = time.perf_counter()
    if job.colour.shape[:2] != job.mask.shape:
        size, mask_size = job.colour.shape[:2], job.mask.shape
        raise ValueError(f"{job.key}: the mask is {mask_size}, the scan {size} (rows, columns)")
    mask = canonical(job.mask)
    planned = plan(mask, layout, native=job.native)
    windows = len(planned.windows)
    missing = mask if job.unknown is None else mask | canonical(job.unknown)
    work = Work(job, mask, missing, planned, [None] * windows, time.perf_counter() - started, windows)
    if planned.fully_masked:
        work.notes.append(HOPELESS)
    return work


def _finish(work: Work) -> Filled:
    """Return a scan's new pixels once all its windows are filled."""
    started = time.perf_counter()
    patches = [patch for patch in work.patches if patch is not None]
    pixels = blend(patches, work.mask, work.plan.field)
    seconds = work.seconds + time.perf_counter() - started
    return Filled(work.job.key, pixels, [patch.window.core for patch in patches], seconds, work.notes)
