"""What holds for every test: none leaves a trace in the next, or in the home of who runs it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Airflow makes a home as soon as it is imported; not in the user's.
os.environ.setdefault("AIRFLOW_HOME", str(Path(__file__).parents[1] / ".airflow" / "test"))


@pytest.fixture(autouse=True)
def _same_loggers() -> Iterator[None]:
    """Gives the library's logger back the level that a command line run in the test's process has set."""
    logger = logging.getLogger("pipeline")
    level = logger.level
    yield
    logger.setLevel(level)
