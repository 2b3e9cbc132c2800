"""What holds for every test: none affects the next, or the home folder of the user."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow_home import airflow

__all__ = ["airflow"]

# Airflow creates its home as soon as it is imported: not in the user's, and one for each process of the tests.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "test")
os.environ["AIRFLOW_HOME"] = str(Path(__file__).parents[1] / ".airflow" / WORKER)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the fault table; other tests ignore them."""
    group = parser.getgroup("faults")
    group.addoption("--full", action="store_true", help="the fault table in full: more runs, and more in real Airflow")
    group.addoption("--seed", type=int, default=1, help="of the first run; the following ones count up")
    group.addoption("--runs", type=int, default=10, help="of each fault on stages by themselves, in the full form")
    group.addoption("--table", help="a file for the fault table as Markdown")


@pytest.fixture(autouse=True)
def _same_loggers() -> Iterator[None]:
    """Restore the level of the library's logger, which a command run in this process may have set."""
    logger = logging.getLogger("pipeline")
    level = logger.level
    yield
    logger.setLevel(level)
