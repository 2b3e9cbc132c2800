"""Check that the ledger can be opened; nothing is created and nothing is migrated."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url

from pipeline.errors import ConfigurationError
from pipeline.ledger.database import Ledger
from pipeline.preflight.finding import Finding, find_within


def check_ledger(url: str, seconds: float) -> list[Finding]:
    """Return what is wrong with the ledger.

    Args:
        url: of the ledger.
        seconds: how long it has to answer.
    """

    def check() -> None:
        ledger = Ledger(url)
        if ledger.engine.dialect.name == "sqlite":
            _check_file(Path(str(ledger.engine.url.database)))
            if not Path(str(ledger.engine.url.database)).exists():
                return
        with ledger.connection() as connection:
            connection.exec_driver_sql("SELECT 1")

    return find_within(seconds, "ledger", shown(url), check)


def shown(url: str) -> str:
    """Return where a ledger lies, without its password: the path of a file, or the URL of a server."""
    try:
        parsed = make_url(url)
    except Exception:  # whatever SQLAlchemy makes of a malformed one; it holds no host, and so no password
        return url
    if parsed.get_backend_name() == "sqlite":
        return str(parsed.database or url)
    return parsed.render_as_string(hide_password=True)


def _check_file(path: Path) -> None:
    """Return when a SQLite file is there, or can be created.

    Raises:
        ConfigurationError: neither.
    """
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder; name a file, such as {path / 'ledger.db'}")
    parent = next(one for one in (path, *path.absolute().parents) if one.exists())
    if parent != path and not (parent.is_dir() and _can_write(parent)):
        raise ConfigurationError(f"{path} cannot be created: {parent} is read-only, or no folder; name another file")


def _can_write(folder: Path) -> bool:
    """Return whether a file can be created in a folder: by creating one, which alone tells."""
    from pipeline.atomic_write import temporary_name

    probe = folder / temporary_name()
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
