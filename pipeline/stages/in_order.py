"""Work on several scans at a time, and get the results in the scans' order: while one is read, another is encoded.

The heavy parts (decoding, OpenCV, deflate, waiting for a disk or a store) run outside Python's lock, so that threads
suffice.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_PIXELS = 24 << 20
"""Pixels of the scans that are worked on at a time, in all; a larger scan has the machine's memory for itself."""


def in_order(
    items: Iterable[Item], work: Callable[[Item], Result], pixels: Callable[[Item], int], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with what was made of it, in order; the work on those that follow goes on meanwhile.

    At most one item more than there are workers is begun and not yet yielded. An error comes where its item would.

    Args:
        items: drawn only when they can be worked on.
        work: called in a thread; with one worker, here.
        pixels: of an item, see `MOST_PIXELS`.
        workers: threads.
    """
    if workers == 1:
        yield from ((item, work(item)) for item in items)
        return
    # As many threads of OpenCV as there are workers would start as many again, each.
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    begun: deque[tuple[Item, Future[Result], int]] = deque()
    held = 0
    try:
        for item in items:
            size = pixels(item)
            while begun and (len(begun) > workers or held + size > MOST_PIXELS):
                done, future, freed = begun.popleft()
                held -= freed
                yield done, future.result()
            begun.append((item, _threads(os.getpid(), workers).submit(work, item), size))
            held += size
        while begun:
            done, future, _ = begun.popleft()
            yield done, future.result()
    finally:
        # Whoever is told of an error must not find a scan's files changing afterwards.
        for _, future, _ in begun:
            future.cancel()
        for _, future, _ in begun:
            if not future.cancelled():
                future.exception()
        cv2.setNumThreads(before)


@cache
def _threads(_process: int, workers: int) -> ThreadPoolExecutor:
    """Return this process's threads: each has a decoder process of its own, which stages then share."""
    return ThreadPoolExecutor(workers, thread_name_prefix="scan")
