"""Collect what the codecs of imagecodecs (libtiff, OpenJPEG) warn about: they log it and go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Collector(logging.Handler):
    """Keeps the messages of the thread that made it."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.messages.append(record.getMessage())


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the warnings of codecs in this thread; the list fills while the block runs."""
    logger, collector = logging.getLogger("imagecodecs"), _Collector()
    passed_on = logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield collector.messages
    finally:
        logger.propagate = passed_on
        logger.removeHandler(collector)
