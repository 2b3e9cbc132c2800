"""Return memory that is not needed now to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakKeyDictionary

_networks: WeakKeyDictionary[object, Callable[[], None]] = WeakKeyDictionary()


def malloc_trim() -> None:
    """Return freed memory to the system where the C library can (glibc); elsewhere do nothing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def holds_memory(network: object, release: Callable[[], None]) -> None:
    """Note what releases the memory that a network keeps between two runs; forgotten with the network."""
    _networks[network] = release


def release_networks() -> None:
    """Return the memory that idle networks keep for their next run, and freed memory; they run on as before."""
    for release in list(_networks.values()):
        release()
    malloc_trim()
