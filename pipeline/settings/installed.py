"""The collections of an installation in Airflow: its collections file's, and those of the demonstration."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.settings.environment import settings
from pipeline.settings.last_good import InForce, collections_in_force


def collections_files(home: Path) -> list[Path]:
    """Return the collections files to read.

    Args:
        home: Airflow's.
    """
    demo = home / "demo" / "collections.yaml"
    return [settings().collections, *([demo] if demo.exists() else [])]


def in_force(path: Path, home: Path) -> InForce:
    """Return the collections of a file, or of its last valid version, which Airflow's home keeps."""
    kept = home / "collections" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"
    return collections_in_force(path, kept)


def installed_collections(home: Path) -> InForce:
    """Return every collection in force, the first of two with one name, and one line for each mistake."""
    try:
        found = [in_force(path, home) for path in collections_files(home)]
    except ConfigurationError as error:
        return InForce((), (str(error),))
    collections = {one.name: one for part in reversed(found) for one in part.collections}
    return InForce(tuple(collections.values()), tuple(line for part in found for line in part.problems))
