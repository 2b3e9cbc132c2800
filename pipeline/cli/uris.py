"""Folders, URIs and ledgers as they are given on a command line."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pipeline import storage
from pipeline.errors import ConfigurationError
from pipeline.settings import settings

LEDGER = "ledger.db"


def place(text: str) -> str:
    """Return a URI as it is, and a folder as an absolute path."""
    return text if "://" in text else str(Path(text).expanduser().absolute())


def refuse_overlap(target: str, *sources: str | None) -> None:
    """Return when results can be written without touching what is read.

    Args:
        target: where a verb writes.
        sources: what it reads; None for what was not given.

    Raises:
        ConfigurationError: the target is a source, lies in one, or contains one.
    """
    for source in sources:
        if source is not None and storage.overlap(target, source):
            raise ConfigurationError(
                f"{target} and {source} are the same place, or one lies in the other; masters and masks are never"
                " overwritten: choose another folder for the results, outside of what is read"
            )


def ledger_of(output: str, given: str | None) -> str:
    """Return the URL of the ledger for results at a place.

    In this order: what is given, the installation's (RESTORATION_LEDGER_URL), `ledger.db` in the output folder; for
    an output that is no folder, a file of its own in the installation's cache.
    """
    if given:
        return as_url(given)
    if os.environ.get("RESTORATION_LEDGER_URL"):
        return settings().ledger_url
    if "://" not in output:
        return f"sqlite:///{output}/{LEDGER}"
    name = hashlib.sha256(output.rstrip("/").encode()).hexdigest()[:16]
    return f"sqlite:///{settings().cache}/ledgers/{name}.db"


def as_url(given: str) -> str:
    """Return a ledger's URL; a file or a folder that holds `ledger.db` may be given too."""
    if "://" in given:
        return given
    path = Path(given).expanduser().absolute()
    return f"sqlite:///{path / LEDGER if path.is_dir() else path}"


def use_ledger(url: str) -> None:
    """Make a ledger this process's own, and that of the processes it starts."""
    os.environ["RESTORATION_LEDGER_URL"] = url
    settings.cache_clear()
