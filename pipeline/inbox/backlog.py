"""Keep the files that a batch has listed and not reached, so that the next batch need not list a large inbox again.

A batch of two thousand scans of an inbox of a million lists all of them. What it leaves is written in parts beside the
batches' work areas; each of the batches that follow reads only what it examines, and the last one lists the inbox anew.
Nothing depends on a backlog: every file in it is looked at again as if it had been listed now, one that is gone or too
old is not used, and what it does not name is found by the next listing.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, astuple, dataclass, replace
from itertools import chain, islice
from typing import Any

from pipeline import storage
from pipeline.inbox.companions import CompanionFiles
from pipeline.inbox.identify import fingerprint
from pipeline.inbox.listing import Inbox, InboxFile
from pipeline.ledger.rows import batched
from pipeline.storage import Entry

# Version of the parts below; those of another version are not used.
VERSION = "1"
# Files of one part, which is read as a whole.
PART = 5000
# What fills fewer parts is listed in seconds, and anew for every batch.
LEAST_PARTS = 2
# Seconds after which the inbox is listed again, so that new files do not wait until a large backlog is worked off.
MAX_AGE = 6 * 3600.0


@dataclass(frozen=True)
class Backlog:
    """Files of a listing that no batch has examined yet.

    Attributes:
        uri: folder of the parts.
        key: of what was listed, and how.
        listed: when, in seconds since 1970.
        files: number of files in all parts.
        position: number of those that are examined.
        bags: URIs of the BagIt bags in the inbox, by folder.
        masks_absent: whether the masks folder was empty.
    """

    uri: str
    key: str
    listed: float
    files: int
    position: int
    bags: dict[str, str]
    masks_absent: bool

    def as_json(self) -> dict[str, Any]:
        """Return this as the ledger keeps it with a batch."""
        return asdict(self)

    def read(self) -> Iterator[InboxFile]:
        """Yield the files from the position on, as they were listed.

        Raises:
            FileNotFoundError: another run has removed the parts.
            StoreUnavailable: the store did not answer.
        """
        first, skipped = divmod(self.position, PART)
        for number in range(first, -(-self.files // PART)):
            part = json.loads(zlib.decompress(storage.read_bytes(_part(self.uri, number))))
            yield from map(_from_json, part[skipped if number == first else 0 :])


def usable(found: dict[str, Any] | None, inbox: Inbox) -> Backlog | None:
    """Return the backlog that a batch has left, unless it is too old or of another listing than a run's.

    Args:
        found: as the ledger keeps it; None where the batch has left none.
    """
    if not found or found["key"] != _key(inbox) or not 0 <= time.time() - found["listed"] < MAX_AGE:
        return None
    return Backlog(**found)


def keep(uri: str, inbox: Inbox, files: Iterable[InboxFile], listed: float) -> Backlog | None:
    """Write the files that are left of a listing; return None, and write nothing, where they are few.

    Only files are kept, and no orphaned companions: their scans may still arrive. The next listing finds the rest.

    Args:
        uri: folder for the parts, which no other attempt uses.
        listed: when the listing began, in seconds since 1970.

    Raises:
        OutputNotWritable, StoreUnavailable: as storage does.
    """
    parts = batched((file for file in files if file.entry.kind == "file" and not file.reason), PART)
    first = list(islice(parts, LEAST_PARTS))
    if len(first) < LEAST_PARTS:
        return None
    count = 0
    for number, part in enumerate(chain(first, parts)):
        data = json.dumps([_to_json(file) for file in part]).encode()
        storage.write_bytes(_part(uri, number), zlib.compress(data, 1))
        count += len(part)
    return Backlog(uri, _key(inbox), listed, count, 0, inbox.bags, inbox.masks_absent)


def refreshed(file: InboxFile, inbox: Inbox) -> InboxFile | None:
    """Return a file of a backlog as it is now; None when it is gone, or is just being written.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    given = file.companions
    try:
        entry = _now(file.entry)
        xmp = tuple(map(_now, given.xmp))
        mask, protect, infrared = (one and _now(one) for one in (given.mask, given.protect, given.infrared))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    companions = CompanionFiles(mask, protect, infrared, xmp, given.note)
    if file.bag is None and any(map(inbox.is_unsettled, (entry, *companions.entries))):
        inbox.unsettled += 1
        return None
    return replace(file, entry=entry, fingerprint=fingerprint(entry), companions=companions)


def _now(entry: Entry) -> Entry:
    """Return a file's entry as it would be listed now."""
    found = storage.stat(entry.uri)
    return replace(entry, size=found.size, modified=found.modified, etag=found.etag)


def _key(inbox: Inbox) -> str:
    """Return a digest of what decides which files a listing yields, and what belongs to them."""
    chosen = inbox.collection.model_dump(
        mode="json", include={"inbox", "masks", "originals", "ignore", "watch", "output"}
    )
    listed = [VERSION, inbox.root, inbox.prefix, inbox.only, inbox.since, chosen]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def _part(uri: str, number: int) -> str:
    return storage.join(uri, f"{number:06d}.json.z")


def _to_json(file: InboxFile) -> list[Any]:
    """Return a file as a JSON value."""
    given = file.companions
    companions = [given.mask, given.protect, given.infrared, *given.xmp]
    entries = [astuple(entry) if entry else None for entry in companions]
    return [astuple(file.entry), file.path, entries, given.note, file.original, file.bag]


def _from_json(values: list[Any]) -> InboxFile:
    """Return a file of its JSON value; its fingerprint is that of the listing."""
    entry, path, companions, note, original, bag = values
    mask, protect, infrared, *xmp = (Entry(*one) if one else None for one in companions)
    given = CompanionFiles(mask, protect, infrared, tuple(one for one in xmp if one), note)
    found = Entry(*entry)
    return InboxFile(found, path, fingerprint(found), given, original, bag=bag)
