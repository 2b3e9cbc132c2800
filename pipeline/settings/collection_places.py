"""Find a collection's places: relative paths are anchored, and what cannot be a place is named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.settings.collections import Collection

PLACES = ("inbox", "output", "masks", "originals")
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
SUPPORTED = ("file", "s3", "s3a", "s3n")
WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def anchored(collection: Collection, folder: Path) -> Collection:
    """Return a collection whose relative paths are below a folder; `~` is the home folder."""
    places = {key: getattr(collection, key) for key in PLACES}
    return collection.model_copy(
        update={
            key: str(folder / Path(value).expanduser())
            for key, value in places.items()
            if value and not SCHEME.match(value) and not WINDOWS.match(value) and not value.startswith("/")
        }
    )


def misplaced(collection: Collection, others: Sequence[Collection]) -> Iterator[tuple[str, str]]:
    """Yield key and message of each place that cannot be used.

    Paths are compared as text, so that a file system that does not answer stops nothing; a run compares them again with
    links resolved.

    Args:
        others: the collections of the file, this one included, in their order.
    """
    for key in PLACES:
        value = getattr(collection, key) or ""
        found = SCHEME.match(value)
        if WINDOWS.match(value):
            yield key, f"{value!r} is a path of Windows; name the folder as this machine sees it, such as /mnt/scans"
        elif found and found[1].lower() not in SUPPORTED:
            yield key, f"{found[1]}:// is not supported; use a local path, file:// or s3://"
    names = [one.name for one in others]
    for other in others:
        if _within(collection.output, other.inbox):
            whose = "the inbox" if other.name == collection.name else f"the inbox of {other.name!r}"
            yield "output", f"is inside {whose} ({other.inbox}): results there would be taken for scans"
        elif other.name == collection.name and _within(other.inbox, collection.output):
            yield "output", f"contains the inbox ({other.inbox}); choose a folder beside it"
        # Two collections with one output would overwrite each other's files: names are reserved per collection.
        earlier = names.index(other.name) < names.index(collection.name)
        if earlier and _parts(other.output) == _parts(collection.output):
            yield "output", f"{other.name!r} already has this output; give each collection its own"


def _within(path: str, folder: str) -> bool:
    """Return whether a place is another one, or inside it."""
    inner, outer = _parts(path), _parts(folder)
    return inner[: len(outer)] == outer


def _parts(place: str) -> list[str]:
    """Return the store and the names of a place; the three spellings of s3:// are one store."""
    found = SCHEME.match(place)
    store = found[1].lower() if found else "file"
    rest = place[found.end() :] if found else place
    if store == "file":
        return ["file", *filter(None, os.path.normpath(f"/{rest}").split("/"))]
    return ["s3" if store.startswith("s3") else store, *filter(None, rest.split("/"))]
