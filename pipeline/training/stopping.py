"""A training that is asked to stop ends after the step in hand, saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what a service manager sends."""


class Stop:
    """Whether it was asked for."""

    asked = False


@contextmanager
def stop_by_signal() -> Iterator[Stop]:
    """A :class:`Stop` that Ctrl-C or SIGTERM asks for while the context lasts; afterwards they do what they did.

    Python delivers signals to the main thread alone: in another one nothing is changed.
    """
    stop = Stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
