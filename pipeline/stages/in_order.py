"""Work on several scans at a time, and get the results in the scans' order: while one is read, another is encoded.

The heavy parts (decoding, OpenCV, deflate, waiting for a disk or a store) run outside Python's lock, so that threads
suffice.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_PIXELS = 24 << 20
"""Pixels of the scans that are worked on at a time, in all; a larger scan has the machine's memory for itself."""

_Begun = deque[tuple[Item, Future[Result], int]]
"""Items that are worked on, with their pixels."""

_blocks: list[int] = []
"""OpenCV's usual number of threads, then one entry for each block within which it has but one."""

_blocks_lock = Lock()


def in_order(
    items: Iterable[Item], work: Callable[[Item], Result], pixels: Callable[[Item], int], workers: int
) -> Generator[tuple[Item, Result], None, None]:
    """Yield each item with what was made of it, in order; the work on those that follow goes on meanwhile.

    At most one item more than there are workers is begun and not yet yielded. An error comes where its item would.
    Close the generator where it may not be drawn to its end: then nothing of it is running any more.

    Args:
        items: drawn only when they can be worked on.
        work: called in a thread; with one worker, here.
        pixels: of an item, see `MOST_PIXELS`.
        workers: threads.
    """
    if workers == 1:
        yield from ((item, work(item)) for item in items)
        return
    begun: _Begun[Item, Result] = deque()
    held = 0
    with _opencv_in_one_thread():
        try:
            for item in items:
                size = pixels(item)
                while begun and (len(begun) > workers or held + size > MOST_PIXELS):
                    held -= begun[0][2]
                    yield _result(begun)
                begun.append((item, _threads(os.getpid(), workers).submit(work, item), size))
                held += size
                # Also to draw the next item may mean to read a scan.
                while held > MOST_PIXELS:
                    held -= begun[0][2]
                    yield _result(begun)
            while begun:
                yield _result(begun)
        finally:
            # Whoever is told of an error must not find a scan's files changing afterwards.
            for _, future, _ in begun:
                future.cancel()
            for _, future, _ in begun:
                if not future.cancelled():
                    future.exception()


def _result(begun: _Begun[Item, Result]) -> tuple[Item, Result]:
    """Return the first item with its result, or raise its error, and take it off."""
    item, future, _ = begun.popleft()
    try:
        return item, future.result()
    finally:
        # An error refers to this frame: with its future here, it would keep itself, and the scans, in memory.
        del future


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own beside ours; such blocks may overlap, and end in any order."""
    with _blocks_lock:
        if not _blocks:
            _blocks.append(cv2.getNumThreads())
            cv2.setNumThreads(1)
        _blocks.append(1)
    try:
        yield
    finally:
        with _blocks_lock:
            _blocks.pop()
            if len(_blocks) == 1:
                cv2.setNumThreads(_blocks.pop())


@cache
def _threads(_process: int, workers: int) -> ThreadPoolExecutor:
    """Return this process's threads: each has a decoder process of its own, which stages then share."""
    return ThreadPoolExecutor(workers, thread_name_prefix="scan")
