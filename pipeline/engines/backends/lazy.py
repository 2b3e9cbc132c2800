"""Load the inpainting network when it is first needed: most tasks of a run only want the digest of its weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from threading import Lock

from pipeline.engines.backends import Network
from pipeline.engines.interface import FloatImage


class LazyNetwork:
    """Stands for a network that is loaded at the first question that only the loaded one can answer.

    Compiling it takes three seconds of a processor.

    Args:
        load: makes the network; what it raises comes through.
    """

    def __init__(self, load: Callable[[], Network]) -> None:
        self._load = load
        self._loading = Lock()

    @property
    def _network(self) -> Network:
        # From Python 3.12 on, two threads may compute a cached property at the same time.
        with self._loading:
            return self._loaded

    @cached_property
    def _loaded(self) -> Network:
        return self._load()

    @property
    def runtime(self) -> str:
        """See :class:`pipeline.engines.backends.Network`."""
        return self._network.runtime

    @property
    def batch_pixels(self) -> int:
        """See :class:`pipeline.engines.backends.Network`."""
        return self._network.batch_pixels

    @property
    def calls(self) -> int:
        """See :class:`pipeline.engines.backends.Network`."""
        return self._network.calls

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """Return the filled pictures; see :class:`pipeline.engines.backends.Network`."""
        return self._network.run(images, holes)
