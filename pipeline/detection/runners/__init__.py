"""What runs the learned detector's network: one interface, one small module per backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.uint8]
"""What the network sees of one window, (9,H,W) uint8; see :func:`pipeline.detection.features.compute_features`."""

Sink = Callable[[NDArray[np.uint8]], None]
"""Takes a window's chances, (H,W) uint8 in 1/255."""


class Runner(Protocol):
    """A detector's network, ready to run.

    Attributes:
        runtime: for people, e.g. ``openvino bf16 on cpu``.
    """

    runtime: str

    def run(self, windows: Iterable[tuple[Features, Sink]]) -> None:
        """Give each window's chances to its sink, in any order; height and width are multiples of the network's.

        Windows are taken only as they can be worked on, so that those that wait need no memory. A window's chances
        do not depend on the others. Sinks are called one at a time.

        Raises:
            MemoryError: one window does not fit the device's memory.
        """
        ...

    def release(self) -> None:
        """Give back the memory that running took; the next run takes it anew, in some tenths of a second."""
        ...
