"""Know which files below a folder this program has written, so that a verb never overwrites another one."""

from __future__ import annotations

import hashlib
import json
import logging
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from pipeline import storage
from pipeline.atomic_write import atomic_write
from pipeline.errors import RestorationError

log = logging.getLogger(__name__)


class ForeignFile(RestorationError, FileExistsError):
    """A file lies where a result should be, and this installation did not write it."""


class OwnFiles:
    """The files that a verb writes below a folder, and the record of them in the installation's cache.

    The record is written before the files, so that those of a killed run count as written. Two runs that begin in one
    folder at the same moment may lose names of each other's; such a file is kept by the next run, not lost.

    Args:
        target: folder or URI.
        names: of the files that may be written, relative to it.
        overwrite: count all files that are there as written by this program.
    """

    def __init__(self, target: str, names: Iterable[str], *, overwrite: bool = False) -> None:
        self.target = target
        record = _record_of(target)
        wanted, known = set(names), _recorded(record)
        there = set() if overwrite else _names_in(target)
        self.foreign = {name for name in wanted if _key(name) in there and name not in known}
        own = (known | wanted) - self.foreign
        if own != known:
            document = {"target": target, "files": sorted(own)}
            try:
                record.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(record, json.dumps(document, ensure_ascii=False, indent=0).encode())
            except OSError as error:
                log.warning("%s cannot be written (%s): the next run will keep the files of this one", record, error)

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically; the same content as what is there is no change.

        Raises:
            ForeignFile: another program or person has written the file that is there; it is kept.
            OutputNotWritable, StoreUnavailable: it could not be written.
        """
        uri = storage.join(self.target, *name.split("/"))
        if name in self.foreign:
            try:
                if storage.read_bytes(uri) == data:
                    return
            except FileNotFoundError:
                pass  # a name that differs only in case, where that is another file
            else:
                raise ForeignFile(
                    f"{uri} was not written by this program and is kept: move it away, choose another folder for the"
                    " results, or add --overwrite"
                )
        storage.write_bytes(uri, data)


def _record_of(target: str) -> Path:
    """Return the file that records what was written below a folder."""
    place = str(storage.local_path(target).resolve()) if storage.scheme(target) == "file" else target.rstrip("/")
    digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
    return _folder() / f"{digest[:16]}.json"


def _folder() -> Path:
    """Return the folder of all records."""
    from pipeline.settings import settings

    return settings().cache / "written"


def _recorded(record: Path) -> set[str]:
    """Return the names in a record; none when it cannot be read."""
    try:
        return set(json.loads(record.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _names_in(target: str) -> set[str]:
    """Return the names below a folder, as `_key` compares them."""
    try:
        return {_key(entry.path) for entry in storage.list_files(target)}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _key(name: str) -> str:
    """Return a name as a file system compares it that ignores case and Unicode composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
