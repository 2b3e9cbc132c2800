"""Migrate the ledger's schema, safely even when several processes do so at the same time."""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from pipeline.errors import ConfigurationError, StoreUnavailable
from pipeline.ledger.database import BUSY_SECONDS, Ledger, first_line

# Not `alembic_version`: the ledger may share a database with Airflow, which keeps its own version there.
VERSION_TABLE = "ledger_version"
# The newest schema. Stated here, so that Alembic (a quarter of a second) is imported only to migrate.
HEAD = "0013"
# An arbitrary number that no other application uses for an advisory lock in the same PostgreSQL database.
LOCK = 0x7E57_02A7


def upgrade(url: str) -> Ledger:
    """Return the open ledger at a URL, created or migrated to this version's schema first.

    Raises:
        ConfigurationError: the URL is wrong, or the ledger was written by a newer version.
        StoreUnavailable: the database did not answer.
    """
    ledger = Ledger(url)
    sqlite = ledger.engine.dialect.name == "sqlite"
    if sqlite:
        _prepare_file(url)
    with ledger.connection() as connection:
        current = _revision(connection)
    if current == HEAD:
        return ledger
    if sqlite:
        _use_write_ahead_log(ledger)
    with ledger.connection(writes=True) as connection, connection.begin():
        if not sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        _migrate(connection)
    return ledger


def ledger_exists(url: str) -> bool:
    """Return whether opening a ledger creates no file; a server's database counts as existing."""
    parsed = make_url(url)
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").is_file()


@lru_cache(maxsize=8)
def shared_ledger(url: str) -> Ledger:
    """Return the open ledger at a URL, the same for every caller in this process; opened as by `upgrade`."""
    return upgrade(url)


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date within the connection's transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    current = _revision(connection)
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        raise ConfigurationError(f"the ledger has schema {current}, which a newer version wrote; update this code")
    config = Config()
    config.set_main_option("script_location", script.dir.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    """Return the schema version of a database, or None when it has no schema."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return found


def _prepare_file(url: str) -> None:
    """Create the folder of a SQLite file."""
    name = make_url(url).database
    if name and name != ":memory:":
        try:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"ledger {name}: its folder cannot be created ({error.strerror})") from error


def _use_write_ahead_log(ledger: Ledger) -> None:
    """Let readers continue while one process writes; the setting is kept in the file.

    SQLite does not wait for other connections in this one statement, so it is retried here.

    Raises:
        StoreUnavailable: another process kept the file locked.
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda error: "locked" in str(error)),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(BUSY_SECONDS),
        reraise=True,
    )
    try:
        for attempt in retrying:
            with attempt, closing(ledger.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
    except Exception as error:
        raise StoreUnavailable(f"the ledger did not answer ({first_line(error)})") from error
