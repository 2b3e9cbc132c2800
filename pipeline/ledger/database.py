"""Open the ledger: sessions for reading and writing, on SQLite or PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, TimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.errors import ConfigurationError, StoreUnavailable
from pipeline.escape import one_line

# What SQLite says of any other file.
NO_DATABASE = "file is not a database"
ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")
# Seconds for which a SQLite process waits for another one's write; a stage's writes last milliseconds.
BUSY_SECONDS = 60
# Seconds for which connecting is tried again; the scheduler's retries cover longer outages.
CONNECT_SECONDS = 5.0
# A database that was restarted meanwhile has closed its connections; each request of a server may need one.
POOL = {"pool_pre_ping": True, "pool_size": 4, "max_overflow": 60}


class Ledger:
    """The SQL record of scans, batches, outcomes, events and decisions.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg2://…`.
        keeps_connections: whether connections stay open for the next use: for a server, which opens its ledger in the
            process that serves.

    Raises:
        ConfigurationError: the URL cannot be used at all.
    """

    def __init__(self, url: str, *, keeps_connections: bool = False) -> None:
        self.url = url
        self.engine = open_engine(url, keeps_connections=keeps_connections)
        self._writing = self.engine.execution_options(ledger_writes=True)

    @contextmanager
    def connection(self, *, writes: bool = False) -> Iterator[Connection]:
        """Yield a connection, waiting for a database that is being restarted.

        Raises:
            StoreUnavailable: the database did not answer, or stayed busy.
        """
        with translated_errors(), self._connect(self._writing if writes else self.engine) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session for reading; its changes are discarded.

        Raises:
            StoreUnavailable: the database did not answer.
        """
        with self.connection() as connection, Session(connection, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session whose changes are committed together at the end, or not at all.

        Raises:
            StoreUnavailable: the database did not answer, or stayed busy.
        """
        with (
            self.connection(writes=True) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @staticmethod
    def _connect(engine: Engine) -> Connection:
        retrying = Retrying(
            retry=retry_if_exception_type(OperationalError),
            wait=wait_fixed(0.2),
            stop=stop_after_delay(CONNECT_SECONDS),
            reraise=True,
        )
        return retrying(engine.connect)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.engine.dispose()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the database's own connection errors into StoreUnavailable; programming errors pass unchanged."""
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable(f"the ledger has no free connection ({error})") from error
    except DBAPIError as error:
        if isinstance(error, OperationalError) or error.connection_invalidated:
            raise StoreUnavailable(f"the ledger did not answer ({first_line(error.orig)})") from error
        if NO_DATABASE in str(error.orig):
            raise ConfigurationError("the ledger's file is no database, or is damaged: name another one") from error
        raise


def first_line(error: BaseException | None) -> str:
    """Return the first line of an error, which holds no statement and no values, without numbers of system errors."""
    return ERROR_NUMBER.sub("", (str(error).splitlines() or [""])[0])


def open_engine(url: str, *, keeps_connections: bool = False) -> Engine:
    """Return a SQLAlchemy engine, configured as the ledger needs it on each database.

    Raises:
        ConfigurationError: the URL is malformed, or names a database that is not installed.
    """
    try:
        parsed = make_url(url)
        # Without a pool, because a connection must not survive a fork: tasks are forked.
        pool: dict[str, Any] = POOL if keeps_connections else {"poolclass": NullPool}
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise ConfigurationError(f"ledger {url!r} names no file; write sqlite:///path/ledger.db")
            engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, **pool)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return create_engine(parsed, **pool)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise ConfigurationError(
            f"ledger {one_line(url, 60)!r} is no URL of a database that is supported here; write sqlite:///path/ledger.db"
            " or postgresql+psycopg2://user:password@host/name (RESTORATION_LEDGER_URL)"
        ) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions itself, or BEGIN IMMEDIATE below would come too late.
    connection.isolation_level = None
    # SQLite's own LIKE and lower() know upper and lower case of ASCII letters only.
    connection.create_function(
        "ledger_contains", 2, lambda text, part: part.lower() in text.lower(), deterministic=True
    )
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer: SQLite refuses it immediately.
    writes = connection.get_execution_options().get("ledger_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
