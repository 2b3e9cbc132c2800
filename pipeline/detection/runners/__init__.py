"""Run the learned detector's network: one interface, one small module per backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.uint8]
"""The network's input for one window, (9,H,W) uint8; see `pipeline.detection.features.compute_features`."""

Sink = Callable[[NDArray[np.uint8]], None]
"""Takes a window's probabilities, (H,W) uint8 in 1/255."""


class Runner(Protocol):
    """A detector's network, ready to run.

    Attributes:
        runtime: a description, e.g. `openvino bf16 on cpu`.
    """

    runtime: str

    def run(self, windows: Iterable[tuple[Features, Sink]]) -> None:
        """Pass each window's probabilities to its sink, in any order; sides are multiples of the network's.

        Windows are drawn only when they can be processed, so that waiting ones need no memory. A window's result does
        not depend on the others. Sinks are called one at a time.

        Raises:
            MemoryError: one window does not fit the device's memory.
        """
        ...

    def release(self) -> None:
        """Release the memory that running took; the next run allocates it again, in some tenths of a second."""
        ...
