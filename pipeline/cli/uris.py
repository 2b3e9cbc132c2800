"""Folders, URIs and ledgers as they are given on a command line."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pipeline.errors import ConfigurationError

LEDGER = "ledger.db"


def as_uri(given: str) -> str:
    """Return a URI as it is, and a folder as an absolute path."""
    return given if "://" in given else str(Path(given).expanduser().absolute())


def ledger_url(output: str, given: str | None) -> str:
    """Return the URL of the ledger for an output.

    In this order: what is given, the installation's (RESTORATION_LEDGER_URL), `ledger.db` in the output folder; for
    an output that is not a folder, its own file in the installation's cache.
    """
    from pipeline.settings import settings

    if given:
        return as_ledger_url(given)
    if os.environ.get("RESTORATION_LEDGER_URL"):
        return settings().ledger_url
    if "://" not in output:
        return f"sqlite:///{output}/{LEDGER}"
    name = hashlib.sha256(output.rstrip("/").encode()).hexdigest()[:16]
    return f"sqlite:///{settings().cache}/ledgers/{name}.db"


def as_ledger_url(given: str) -> str:
    """Return a ledger's URL; a file, or a folder with `ledger.db`, may be given too."""
    if "://" in given:
        return given
    path = Path(given).expanduser().absolute()
    return f"sqlite:///{path / LEDGER if path.is_dir() else path}"


def existing_ledger_url(given: str | None, near: str = ".") -> str:
    """Return the URL of a ledger that is there: given, the installation's, or the nearest `ledger.db`.

    Args:
        near: a path in whose folder, and in those above it, `ledger.db` is looked for after the working directory.

    Raises:
        ConfigurationError: there is none.
    """
    from pipeline.settings import settings

    if given:
        url = as_ledger_url(given)
    elif os.environ.get("RESTORATION_LEDGER_URL"):
        url = settings().ledger_url
    else:
        folders = [Path.cwd(), *Path(near).absolute().parents]
        url = next((as_ledger_url(str(folder)) for folder in folders if (folder / LEDGER).is_file()), "")
        url = url or settings().ledger_url
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.is_file():
        raise ConfigurationError(f"there is no ledger at {file}; name it with --ledger (the output folder will do)")
    return url


def use_ledger(url: str) -> None:
    """Make a ledger that of this process and of the processes that it starts."""
    from pipeline.settings import settings

    os.environ["RESTORATION_LEDGER_URL"] = url
    settings.cache_clear()
