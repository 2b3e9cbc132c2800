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
def handlers_kept(*numbers: signal.Signals) -> Iterator[bool]:
    """Gives signals back the handlers that they had, whatever took them meanwhile.

    Python lets the main thread alone set them: whether this is it is what the context yields.
    """
    ours = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in numbers if ours}
    try:
        yield ours
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that was not set from Python cannot be set from there
                signal.signal(number, handler)


@contextmanager
def stop_by_signal() -> Iterator[Stop]:
    """A :class:`Stop` that Ctrl-C or SIGTERM asks for while the context lasts; in the main thread only."""
    stop = Stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True

    with handlers_kept(*SIGNALS) as ours:
        for number in SIGNALS if ours else ():
            signal.signal(number, ask)
        yield stop
