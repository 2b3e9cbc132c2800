"""Fill many scans through one engine, and one by one when filling them together fails."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline import scans
from pipeline.engines import Engine, Filled, Job, inpaint
from pipeline.engines.holdout_estimate import HeldOut, Sample, held_out, sample
from pipeline.errors import ConfigurationError, StoreUnavailable, WeightsError
from pipeline.imaging.types import Mask
from pipeline.scans import Scan
from pipeline.stages.batch import InputVanished
from pipeline.stages.in_order import in_order

Item = TypeVar("Item")
Made = TypeVar("Made")

# Errors that the next scan would meet too.
FATAL = (StoreUnavailable, ConfigurationError, WeightsError, InputVanished)


@dataclass
class _Open(Generic[Item]):
    """A scan that is being filled.

    Attributes:
        held_out: held-out places whose fills are still to come, by the keys of their jobs.
        samples: how far those were missed that have come.
    """

    item: Item
    scan: Scan
    mask: Mask
    held_out: dict[str, HeldOut]
    samples: list[Sample] = field(default_factory=list)
    filled: Filled | None = None


@dataclass(frozen=True)
class _Unread:
    """A scan that could not be read, and when that was begun."""

    error: Exception
    started: float


class ScanFiller(ABC, Generic[Item, Made]):
    """Streams scans through an engine, so that windows of different scans share batches.

    Args:
        engine: fills the masks.
        batch_pixels: pixels of windows in one call of the engine; the engine's own number by default.
        progress: called with the number of windows just filled.
        workers: threads that read or store scans while others are filled, and that fill windows.

    Attributes:
        fatal: errors that end the filling instead of failing one scan.
    """

    fatal: ClassVar[tuple[type[Exception], ...]] = FATAL

    def __init__(
        self,
        engine: Engine,
        *,
        batch_pixels: int | None = None,
        progress: Callable[[int], None] | None = None,
        workers: int = 1,
    ) -> None:
        self.engine, self._batch_pixels, self._progress, self._workers = engine, batch_pixels, progress, workers
        # By the key of each of a scan's jobs.
        self._open: dict[str, _Open[Item]] = {}
        self._settled: set[str] = set()

    @abstractmethod
    def key(self, item: Item) -> str:
        """Return a name that no other item has."""

    @abstractmethod
    def read(self, item: Item) -> tuple[Scan, Mask]:
        """Return a scan and its mask, or raise the error that this scan fails with."""

    def pixels(self, item: Item) -> int:
        """Return the pixels of an item's scan, where they are known before it is read."""
        return 0

    @abstractmethod
    def make(self, item: Item, scan: Scan, mask: Mask, filled: Filled, samples: list[Sample] | None) -> Made:
        """Return what `store` needs; called in a thread, while the network works on the scans that follow.

        Args:
            samples: how far the scan's held-out places were missed; None where none were filled.
        """

    @abstractmethod
    def store(self, item: Item, made: Made, filled: Filled) -> None:
        """Keep the result of a scan; called in the order of the scans."""

    def seed(self, item: Item) -> int | None:
        """Return the seed by which places of a scan are held out for an estimate; None for no estimate."""
        return None

    @abstractmethod
    def fail(self, item: Item, error: Exception, seconds: float) -> None:
        """Record the error of a scan, or raise it where it is not this scan's own."""

    def fill(self, items: Sequence[Item]) -> None:
        """Fill all scans together; after an error fill those that are left one by one.

        Raises:
            StoreUnavailable, ConfigurationError, WeightsError, InputVanished: of these, the errors in `fatal`.
        """
        try:
            self._fill(items, estimated=True)
            return
        except self.fatal:
            raise
        except Exception as error:
            # A single scan is tried again too: an error of the device may pass.
            self.on_batch_failure(error)
        self._open.clear()
        for item in items:
            if self.key(item) in self._settled:
                continue
            started = time.perf_counter()
            try:
                # No scan is lost for its estimate: it is filled by itself.
                self._fill([item], estimated=False)
            except self.fatal:
                raise
            except Exception as error:
                self._fail(item, error, started)

    def on_batch_failure(self, error: Exception) -> None:
        """Note the error that filling scans together ended with."""

    def _fill(self, items: Sequence[Item], *, estimated: bool) -> None:
        """Fill scans and keep their results; a scan that cannot be read fails by itself."""

        def make(one: _Open[Item]) -> Made:
            assert one.filled is not None
            samples = one.samples if estimated and self.seed(one.item) is not None else None
            return self.make(one.item, one.scan, one.mask, one.filled, samples)

        with (
            closing(self._filled(items, estimated)) as filled,
            closing(in_order(filled, make, lambda one: one.mask.size, self._workers)) as results,
        ):
            for one, made in results:
                assert one.filled is not None
                self.store(one.item, made, one.filled)
                self._settled.add(one.filled.key)

    def _filled(self, items: Sequence[Item], estimated: bool) -> Generator[_Open[Item], None, None]:
        """Yield the scans, each when its damage and its held-out places are filled."""
        with closing(self._jobs(items, estimated)) as jobs:
            filling = inpaint(
                jobs, self.engine, batch_pixels=self._batch_pixels, calls=self._workers, progress=self._progress
            )
            for filled in filling:
                one = self._open.pop(filled.key)
                if (hidden := one.held_out.pop(filled.key, None)) is None:
                    one.filled = filled
                else:
                    assert one.filled is not None
                    one.filled.seconds += filled.seconds
                    one.samples += sample(hidden, filled)
                if not one.held_out:
                    yield one

    def _jobs(self, items: Sequence[Item], estimated: bool) -> Generator[Job, None, None]:
        """Yield scans with their masks as the engine needs them, each followed by its held-out places."""

        def read(item: Item) -> tuple[list[Job], _Open[Item]] | _Unread:
            started = time.perf_counter()
            try:
                return self._read(item, estimated)
            except self.fatal:
                raise
            except Exception as error:
                if isinstance(error, MemoryError) and len(items) > 1:
                    # By itself it may find enough.
                    raise
                return _Unread(error, started)

        with closing(in_order(items, read, self.pixels, self._workers)) as results:
            for item, found in results:
                if isinstance(found, _Unread):
                    self._fail(item, found.error, found.started)
                    continue
                jobs, one = found
                for job in jobs:
                    self._open[job.key] = one
                    yield job

    def _read(self, item: Item, estimated: bool) -> tuple[list[Job], _Open[Item]]:
        """Return the jobs of a scan, and the scan."""
        scan, mask = self.read(item)
        key, colour = self.key(item), scans.viewed_channels(scan)
        seed = self.seed(item) if estimated else None
        held = [] if seed is None else held_out(key, colour, mask, self.engine.layout, seed=seed)
        jobs = [Job(key, colour, mask), *(one.job for one in held)]
        return jobs, _Open(item, scan, mask, {one.job.key: one for one in held})

    def _fail(self, item: Item, error: Exception, started: float) -> None:
        self.fail(item, error, time.perf_counter() - started)
        self._open.pop(self.key(item), None)
        self._settled.add(self.key(item))


def native_pixels(scan: Scan, mask: Mask, filled: Filled) -> NDArray[Any]:
    """Return the new pixels (N,) or (N,C) at the scan's own depth and mode, in the order of the mask's pixels."""
    damaged = np.count_nonzero(mask)
    if len(filled.pixels) != damaged:
        raise ValueError(f"{damaged - len(filled.pixels)} damaged pixels were not filled")
    return scans.native_values(scan, mask, filled.pixels)
