"""Stop a training after the current step when Ctrl-C or SIGTERM asks for it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what a service manager sends."""


class StopRequest:
    """Whether a signal asked to stop."""

    asked = False


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Yield a :class:`StopRequest` that Ctrl-C or SIGTERM sets during the context; in the main thread only."""
    stop = StopRequest()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True

    main = threading.current_thread() is threading.main_thread()  # Python lets no other thread set handlers
    before = {number: signal.signal(number, ask) for number in SIGNALS if main}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            if handler is not None:  # a handler that was not set from Python cannot be restored from Python
                signal.signal(number, handler)
