"""The table of all faults, the number of runs, and the restored environment after each test."""

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

# Created now, not later in a folder that a test checks.
get_temp_dir()

TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    return request.config.stash.setdefault(TABLE, Table())


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is tested, and often."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest, full: bool) -> range:
    """One number for each run of a fault; the same numbers make the same runs."""
    first = request.config.getoption("--seed")
    return range(first, first + (request.config.getoption("--runs") if full else 1))


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Restores the environment of this process after each test."""
    with same_environment():
        yield


@pytest.fixture(autouse=True, scope="module")
def _same_environment_of_module() -> Iterator[None]:
    """Restores it after each module too, because fixtures of the module change it."""
    with same_environment():
        yield


@contextmanager
def same_environment() -> Iterator[None]:
    """Restores the environment of this process at the end."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before:
        del os.environ[name]
    os.environ.update(before)
    tempfile.tempdir = None
    settings.cache_clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table, and writes it to the file given by --table."""
    table = config.stash.get(TABLE, None)
    if table is None or not table.rows:
        return
    terminalreporter.section(f"faults, seeds from {config.getoption('--seed')}")
    terminalreporter.write(table.markdown())
    for row in table.rows.values():
        for note in row.notes:
            terminalreporter.write_line(f"{row.fault}: {note}")
    if config.getoption("--table"):
        Path(config.getoption("--table")).write_text(table.markdown(), encoding="utf-8")
