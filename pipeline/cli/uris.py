"""Folders, URIs and ledgers as they are given on a command line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import ConfigurationError

LEDGER = "ledger.db"


def as_uri(given: str) -> str:
    """Return a URI as it is, and a folder as an absolute path."""
    return given if "://" in given else str(Path(given).expanduser().absolute())


def refuse_overlap(target: str, *sources: str | None) -> None:
    """Return when results can be written without touching what is read.

    Args:
        target: where a verb writes.
        sources: what it reads; None for what was not given.

    Raises:
        ConfigurationError: the target is a source, is inside one, or contains one; or one of them cannot be opened.
    """
    from pipeline import storage

    for source in sources:
        try:
            overlaps = source is not None and storage.overlap(target, source)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        if overlaps:
            raise ConfigurationError(
                f"{target} and {source} are the same place, or one is inside the other; masters and masks are never"
                " overwritten: choose another folder for the results, outside of what is read"
            )


def refuse_linked_folders(target: str, paths: Iterable[str], *sources: str | None) -> None:
    """Return when no link below a target leads results into what is read.

    Args:
        target: where a verb writes.
        paths: of the results, relative to the target.
        sources: what it reads; None for what was not given.

    Raises:
        ConfigurationError: the folder of a result overlaps with a source.
    """
    from pipeline import storage

    if storage.scheme(target) == "file":
        for folder in sorted({path.rpartition("/")[0] for path in paths} - {""}):
            refuse_overlap(storage.join(target, folder), *sources)


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
