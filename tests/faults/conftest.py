"""The table that all faults fill in, how many runs they make, and the settings that they leave behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest

from pipeline.settings import settings
from tests.faults.table import Table

# Made now, and not later in a folder that a test looks at.
get_temp_dir()

TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    return request.config.stash.setdefault(TABLE, Table())


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is to be met, and often."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest, full: bool) -> range:
    """One number for each run of a fault; the same numbers make the same runs."""
    first = request.config.getoption("--seed")
    return range(first, first + (request.config.getoption("--runs") if full else 1))


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Takes back what a task's environment has changed in this process, after each test."""
    with same_environment():
        yield


@pytest.fixture(autouse=True, scope="module")
def _same_environment_of_module() -> Iterator[None]:
    """Likewise what fixtures have changed that serve several tests."""
    with same_environment():
        yield


@contextmanager
def same_environment() -> Iterator[None]:
    """Takes back in the end what has changed in this process's environment."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before:
        del os.environ[name]
    os.environ.update(before)
    tempfile.tempdir = None
    settings.cache_clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table, and writes it to the file that was asked for."""
    table = config.stash.get(TABLE, None)
    if table is None or not table.rows:
        return
    terminalreporter.section(f"faults, seeds from {config.getoption('--seed')}")
    terminalreporter.write(table.markdown())
    for row in table.rows.values():
        for saying in row.sayings:
            terminalreporter.write_line(f"{row.fault}: {saying}")
    if config.getoption("--table"):
        Path(config.getoption("--table")).write_text(table.markdown(), encoding="utf-8")
