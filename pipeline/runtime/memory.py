"""Return freed memory to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def malloc_trim() -> None:
    """Return freed memory to the system where the C library can (glibc); elsewhere do nothing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
