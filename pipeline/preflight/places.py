"""Check that a collection's inbox can be listed and that its output can be written."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from pipeline import storage
from pipeline.errors import ConfigurationError
from pipeline.preflight.finding import Finding, find_within
from pipeline.settings import Collection
from pipeline.storage.uris import local_path


def check_places(collection: Collection, seconds: float) -> list[Finding]:
    """Return what is wrong with the places of one collection.

    Args:
        seconds: how long each place has to answer.
    """
    output = collection.output
    read = {key: getattr(collection, key) for key in ("inbox", "masks", "originals")}
    checks = {f"{key} {place}": partial(_check_read, key, place) for key, place in read.items() if place}
    checks |= {f"output {output}": partial(_check_write, output), "a folder": partial(_check_apart, collection)}
    return [finding for what, check in checks.items() for finding in find_within(seconds, collection.name, what, check)]


def _check_read(key: str, place: str) -> None:
    """Return when a place can be listed.

    Raises:
        ConfigurationError, StoreUnavailable: it cannot.
    """
    try:
        next(iter(storage.list_files(place)), None)
    except FileNotFoundError as error:
        remedy = "create it, or correct the path; a share may not be mounted"
        raise ConfigurationError(f"{key} {place} does not exist: {remedy}") from error
    except OSError as error:
        raise ConfigurationError(f"{key} {place} cannot be read ({error.strerror or error})") from error


def _check_write(output: str) -> None:
    """Return when results can be written; an output that does not exist yet is not created.

    Raises:
        ConfigurationError, StoreUnavailable: they cannot.
    """
    if storage.scheme(output) != "file":
        storage.check_writable(output)
        return
    path = local_path(output)
    if path.is_dir():
        storage.check_writable(output)
        return
    if path.exists():
        raise ConfigurationError(f"output {output} is a file; name a folder")
    parent = next(one for one in path.absolute().parents if one.exists())
    _check_can_create(parent, output)


def _check_can_create(parent: Path, output: str) -> None:
    """Return when a folder can be created below an existing one: by creating one, which alone tells."""
    from pipeline.atomic_write import temporary_name

    probe = parent / temporary_name()
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(f"output {output} cannot be created below {parent} ({reason})") from error


def _check_apart(collection: Collection) -> None:
    """Return when the output is no other place of the collection, also through links.

    Raises:
        ConfigurationError: they overlap.
    """
    for key in ("inbox", "masks", "originals"):
        place = getattr(collection, key)
        if place and storage.overlap(collection.output, place):
            raise ConfigurationError(f"output {collection.output} and {key} {place} overlap; keep them apart")
