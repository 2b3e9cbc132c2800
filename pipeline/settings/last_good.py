"""Keep the last valid version of each collection, for when the collections file is broken."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipeline.atomic_write import atomic_write
from pipeline.errors import ConfigurationError
from pipeline.settings.collections import Collection
from pipeline.settings.collections_file import CollectionsFile, load_collections

STAYS = "; its last valid version stays in force"


@dataclass(frozen=True)
class InForce:
    """The collections that are in force, and one line for each mistake of their file."""

    collections: tuple[Collection, ...]
    problems: tuple[str, ...]


def collections_in_force(path: Path, kept: Path) -> InForce:
    """Return the collections of a file; one whose entry is broken stays as it was when its entry was last valid.

    A collection whose entry was removed is gone. When the file as a whole cannot be read, all stay.

    Args:
        path: the collections file.
        kept: a file that keeps what is in force, written when that changes; a folder that refuses it is no error.
    """
    before = _load(kept)
    try:
        found = load_collections(path)
    except ConfigurationError as error:
        stay = tuple(before.values())
        return InForce(stay, (f"{error}{_stays(stay)}",))
    broken = {problem.collection for problem in found.problems if problem.collection}
    if not found.collections and found.problems and not broken:
        broken = set(before)  # the mistake is in what surrounds the entries
    stay = tuple(_that_fit(found, (before[name] for name in sorted(broken) if name in before)))
    in_force = InForce(
        (*found.collections, *stay),
        tuple(
            f"{path}: {problem}{_stays(stay) if problem.collection is None and not found.collections else ''}"
            f"{STAYS if any(one.name == problem.collection for one in stay) else ''}"
            for problem in found.problems
        ),
    )
    _save(kept, in_force.collections, before)
    return in_force


def _stays(stay: tuple[Collection, ...]) -> str:
    if not stay:
        return ""
    return f"; the last valid version stays in force ({', '.join(collection.name for collection in stay)})"


def _that_fit(found: CollectionsFile, stay: Iterable[Collection]) -> Iterable[Collection]:
    """Yield the earlier versions that can be in force beside the valid entries."""
    names = {collection.name for collection in found.collections}
    outputs = {collection.output.rstrip("/") for collection in found.collections}
    return (one for one in stay if one.name not in names and one.output.rstrip("/") not in outputs)


def _load(kept: Path) -> dict[str, Collection]:
    """Return what was in force, by name; what this version of the program cannot read is left out."""
    try:
        entries = json.loads(kept.read_text(encoding="utf-8"))["collections"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found = {}
    for entry in entries:
        try:
            collection = Collection.model_validate(entry)
        except ValidationError:
            continue
        found[collection.name] = collection
    return found


def _save(kept: Path, collections: tuple[Collection, ...], before: dict[str, Collection]) -> None:
    if {one.name: one for one in collections} == before:
        return
    document = {"collections": [collection.model_dump(mode="json") for collection in collections]}
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(kept, json.dumps(document, indent=1).encode())
    except OSError:
        return
