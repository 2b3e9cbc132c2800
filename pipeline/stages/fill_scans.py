"""Fill many scans through one engine, and one by one when filling them together fails."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline import scans
from pipeline.engines import Engine, Filled, Job, inpaint
from pipeline.errors import ConfigurationError, StoreUnavailable, WeightsError
from pipeline.imaging.types import Mask
from pipeline.scans import Scan
from pipeline.stages.batch import InputVanished

Item = TypeVar("Item")

# Errors that the next scan would meet too.
FATAL = (StoreUnavailable, ConfigurationError, WeightsError, InputVanished)


class ScanFiller(ABC, Generic[Item]):
    """Streams scans through an engine, so that windows of different scans share batches.

    Args:
        engine: fills the masks.
        batch_pixels: pixels of windows in one call of the engine; the engine's own number by default.
        progress: called with the number of windows just filled.

    Attributes:
        fatal: errors that end the filling instead of failing one scan.
    """

    fatal: ClassVar[tuple[type[Exception], ...]] = FATAL

    def __init__(
        self, engine: Engine, *, batch_pixels: int | None = None, progress: Callable[[int], None] | None = None
    ) -> None:
        self.engine, self._batch_pixels, self._progress = engine, batch_pixels, progress
        self._open: dict[str, tuple[Item, Scan, Mask]] = {}
        self._settled: set[str] = set()

    @abstractmethod
    def key(self, item: Item) -> str:
        """Return a name that no other item has."""

    @abstractmethod
    def read(self, item: Item) -> tuple[Scan, Mask]:
        """Return a scan and its mask, or raise the error that this scan fails with."""

    @abstractmethod
    def store(self, item: Item, scan: Scan, mask: Mask, filled: Filled) -> None:
        """Write the result of a scan."""

    @abstractmethod
    def fail(self, item: Item, error: Exception, seconds: float) -> None:
        """Record the error of a scan, or raise it where it is not this scan's own."""

    def fill(self, items: Sequence[Item]) -> None:
        """Fill all scans together; after an error fill those that are left one by one.

        Raises:
            StoreUnavailable, ConfigurationError, WeightsError, InputVanished: of these, the errors in `fatal`.
        """
        try:
            self._fill(items)
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
                self._fill([item])
            except self.fatal:
                raise
            except Exception as error:
                self._fail(item, error, started)

    def on_batch_failure(self, error: Exception) -> None:
        """Note the error that filling scans together ended with."""

    def _fill(self, items: Sequence[Item]) -> None:
        """Fill scans and write their results; a scan that cannot be read fails by itself."""
        for filled in inpaint(self._jobs(items), self.engine, batch_pixels=self._batch_pixels, progress=self._progress):
            item, scan, mask = self._open.pop(filled.key)
            self.store(item, scan, mask, filled)
            self._settled.add(filled.key)

    def _jobs(self, items: Sequence[Item]) -> Iterator[Job]:
        """Yield scans with their masks as the engine needs them."""
        for item in items:
            started = time.perf_counter()
            try:
                scan, mask = self.read(item)
            except self.fatal:
                raise
            except Exception as error:
                self._fail(item, error, started)
                continue
            key = self.key(item)
            self._open[key] = (item, scan, mask)
            yield Job(key, scans.viewed_channels(scan), mask)

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
