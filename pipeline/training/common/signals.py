"""A training that is asked to stop ends after the step in hand, saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what a service manager sends."""


class StopRequest:
    """Whether it was asked for."""

    asked = False


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """A :class:`Stop` that Ctrl-C or SIGTERM asks for while the context lasts; in the main thread only."""
    stop = StopRequest()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True

    ours = threading.current_thread() is threading.main_thread()  # Python lets no other thread set handlers
    before = {number: signal.signal(number, ask) for number in SIGNALS if ours}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that was not set from Python cannot be set from there
                signal.signal(number, handler)
