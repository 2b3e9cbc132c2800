"""A new ledger in a SQLite file, or on either database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres
from sqlalchemy.orm import Session

from pipeline.ledger import batches, scans
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Scan

NUMBERS = count()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/folder/ledger.db"


@pytest.fixture
def ledger(url: str) -> Ledger:
    return upgrade(url)


def new_batch(session: Session, name: str = "b1", **values: str) -> int:
    fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "x")
    return batches.open_batch(session, "c", name, fixed | {"recipe": {}, "recipe_digest": "r"} | values).id


def new_scan(session: Session, path: str = "a.png", sha256: str = "1" * 64, fingerprint: str = "f") -> int:
    scan = Scan(collection="c", path=path, sha256=sha256, bytes=3, fingerprint=fingerprint)
    return scans.record(session, scan)


@pytest.fixture
def make_batch() -> Callable[..., int]:
    return new_batch


@pytest.fixture
def make_scan() -> Callable[..., int]:
    return new_scan


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request: pytest.FixtureRequest, url: str) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return url
    running: PostgresServer = request.getfixturevalue("server")
    name = f"ledger_{next(NUMBERS)}"
    running.create(name)
    return running.url(name)


@pytest.fixture
def either(either_url: str) -> Ledger:
    """A new ledger on each database."""
    return upgrade(either_url)
