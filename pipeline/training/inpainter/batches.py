"""Training batches, each a function of seed and step, drawn ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.simulation.holes import HoleBank
from pipeline.training.common.photos import PhotoSet
from pipeline.training.inpainter.artefact_holes import compose_hole, load_artefacts
from pipeline.training.inpainter.augment import draw_crop

BANK_HOLES = 3000
BANK_SHAPES = 1500
"""Holes in a bank, and how many of them are composed of artefacts, where there are any."""
ARTEFACT_SHARE = 0.4
"""Probability that a hole is composed of scanned artefacts, where there are any."""


class BatchMaker:
    """Draws batches whose photographs, crops and holes follow from seed and step.

    No sampler state has to be saved: a resumed run gets the same batches as one without a break.
    """

    def __init__(
        self, photos: PhotoSet, seed: int, *, artefacts: Path | None = None, bank_holes: int = BANK_HOLES
    ) -> None:
        self._photos = photos
        self._seed = seed
        self._bank_holes = bank_holes
        self._artefacts = load_artefacts(artefacts) if artefacts else {}
        self._banks: dict[int, HoleBank] = {}

    def _bank(self, size: int) -> HoleBank:
        if size not in self._banks:
            rng = np.random.default_rng((self._seed, size))
            shapes = max(1, self._bank_holes * BANK_SHAPES // BANK_HOLES)
            extra = [compose_hole(self._artefacts, rng, size) for _ in range(shapes)] if self._artefacts else None
            self._banks[size] = HoleBank(rng, size, self._bank_holes, extra, ARTEFACT_SHARE)
        return self._banks[size]

    def prepare(self, size: int) -> None:
        """Fill the bank of holes of this size, so that no step has to wait for it."""
        self._bank(size)

    def make(self, step: int, size: int, count: int) -> tuple[Tensor, Tensor]:
        """Return the batch of a step: pictures (count,3,size,size) uint8 and holes (count,1,size,size) uint8 0/1."""
        rng = np.random.default_rng((self._seed, 1, step))
        bank = self._bank(size)
        pictures = np.empty((count, size, size, 3), np.uint8)
        holes = np.empty((count, size, size, 1), np.uint8)
        for index in range(count):
            photo = self._photos.pictures[int(rng.integers(len(self._photos)))]
            pictures[index] = draw_crop(photo, size, rng)
            holes[index, :, :, 0] = bank.pick(rng)
        # Views with channels first by shape and last in memory, as the network expects them.
        return torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.from_numpy(holes).permute(0, 3, 1, 2)


class Prefetcher(Iterator[tuple[Tensor, Tensor]]):
    """An endless stream of batches, drawn ahead by threads while the device works.

    ``plan`` returns size and count of a step's batch; it is called ``depth`` steps ahead. Use as a context manager, so
    that the threads end.
    """

    def __init__(
        self, maker: BatchMaker, plan: Callable[[int], tuple[int, int]], start: int, *, depth: int = 4, threads: int = 1
    ) -> None:
        self._maker = maker
        self._plan = plan
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
        self._next = start
        self._queue: deque[Future[tuple[Tensor, Tensor]]] = deque()
        for _ in range(depth):
            self._push()

    def _push(self) -> None:
        size, count = self._plan(self._next)
        self._queue.append(self._pool.submit(self._maker.make, self._next, size, count))
        self._next += 1

    def __next__(self) -> tuple[Tensor, Tensor]:
        """Return the batch of the next step; waits only when the threads are behind."""
        batch = self._queue.popleft().result()
        self._push()
        return batch

    def __enter__(self) -> Prefetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
