"""The place of a bag: nobody can take a half of one for a whole, and one that was interrupted is continued."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import ConfigurationError
from pipeline.inbox.bagit import DECLARATION
from pipeline.ledger.processes import has_ended, process_name
from pipeline.storage.local import sync_folder

# Names what is built at a place, and by whom; in a bucket it goes when the bag is whole.
MARKER = ".bag-being-written.json"


@dataclass(frozen=True)
class BagTarget:
    """A bag that is being written.

    In a folder it grows under a hidden name beside its own, which it takes when it is whole. A bucket cannot rename:
    there `bagit.txt`, without which nothing is a bag, comes last.

    Attributes:
        uri: of the finished bag.
        building: where it is written.
        resumed: a part of it was there already.
    """

    uri: str
    building: str
    resumed: bool = False

    def join(self, path: str) -> str:
        """Return the URI of a file of the bag while it is written."""
        return storage.join(self.building, path)

    def finish(self, declaration: bytes) -> None:
        """Write the declaration and let the bag appear."""
        # What a killed process had begun to write.
        storage.sweep(self.building, 0.0)
        storage.write_bytes(self.join(DECLARATION), declaration)
        if self.building != self.uri:
            # With the marker: without it a bag that was killed here could not be continued.
            final = storage.local_path(self.uri)
            storage.local_path(self.building).rename(final)
            sync_folder(final.parent)
        storage.delete(storage.join(self.uri, MARKER))


def open_target(uri: str, what: Mapping[str, str]) -> BagTarget:
    """Return the place of a bag, empty or with a part of the same bag.

    Args:
        uri: folder or URI of the bag, without a trailing slash.
        what: what it is made of; a part of another bag is not continued.

    Raises:
        ConfigurationError: there is something else, or another process writes there.
        OutputNotWritable, StoreUnavailable: it cannot be written.
    """
    building = uri
    if storage.scheme(uri) == "file":
        path = storage.local_path(uri)
        building = str(path.parent / f".{path.name}.bag-being-written")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ConfigurationError(f"{uri} is there and not empty: name a new folder for the bag, or empty it first")
    marker, resumed = storage.join(building, MARKER), False
    mine = {**what, "process": process_name()}
    try:
        found = json.loads(storage.read_bytes(marker))
    except FileNotFoundError:
        if storage.exists(building) and not _is_empty(building):
            raise ConfigurationError(
                f"{building} is there and not empty: name another place for the bag, or empty it first"
            ) from None
    except ValueError as error:
        raise ConfigurationError(f"{marker} cannot be read: delete {building}, then run again") from error
    else:
        _refuse_another(building, found, mine)
        resumed = True
    storage.write_bytes(marker, json.dumps(mine, ensure_ascii=False).encode())
    return BagTarget(uri, building, resumed)


def _is_empty(uri: str) -> bool:
    """Return whether a folder or prefix has no files, hidden ones included."""
    if storage.scheme(uri) == "file":
        return not any(Path(storage.local_path(uri)).iterdir())
    return next(storage.list_files(uri), None) is None


def _refuse_another(building: str, found: Mapping[str, str], mine: Mapping[str, str]) -> None:
    """Raise unless a part of a bag is of the same bag, and nobody writes it now."""
    owner = str(found.get("process", ""))
    if owner != mine["process"] and not has_ended(owner):
        host, _, rest = owner.partition(" ")
        raise ConfigurationError(
            f"process {rest.partition(' ')[0]} on {host} writes a bag there: wait for it; if it has ended, delete"
            f" {building}"
        )
    if {**found, "process": ""} != {**mine, "process": ""}:
        raise ConfigurationError(
            f"{building} is part of another bag ({', '.join(f'{k} {v}' for k, v in found.items() if v)}): run"
            " that again to complete it, or delete it"
        )
