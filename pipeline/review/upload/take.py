"""Take uploaded files into an inbox: whole or not at all, and never over another one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from pipeline import storage
from pipeline.inbox.bagit import DECLARATION
from pipeline.inbox.upload_names import NotTaken, safe_name, why_no_delivery, why_not_taken
from pipeline.ledger import TaskContext, events
from pipeline.ledger.database import Ledger
from pipeline.provenance.events import EventType
from pipeline.review.access import User
from pipeline.review.refusals import CutOff, NameTaken, NotWanted
from pipeline.settings import Collection

BLOCK = 1 << 20


@dataclass(frozen=True)
class Target:
    """Where an uploaded file goes.

    Attributes:
        folder, name: made safe; a folder is one delivery.
        sent_as: the name as it was sent.
    """

    collection: Collection
    folder: str
    name: str
    sent_as: str

    @property
    def uri(self) -> str:
        """URI of the file."""
        return storage.join(self.collection.inbox, self.folder, self.name)


def target_of(collection: Collection, folder: str, sent_as: str, size: int, limit: int) -> Target:
    """Return where a file goes; whether the delivery is still open is for `refuse_closed` to say.

    Raises:
        NotWanted: the inbox would not take it.
    """
    target = Target(collection, safe_name(folder), safe_name(sent_as), sent_as)
    if why := why_not_taken(collection, target.folder, target.name, size, limit):
        raise NotWanted(f"upload.{why}", name=sent_as, limit=limit // 1_000_000)
    return target


def refuse_closed(collection: Collection, folder: str) -> None:
    """Return when files may be added to a delivery.

    Args:
        folder: as `safe_name` returns it.

    Raises:
        NotWanted: it is complete, is a bag, has a meaning of its own, or lies elsewhere.
    """
    if why := why_no_delivery(collection, folder):
        raise NotWanted(f"upload.{why}", name=folder)
    place = storage.join(collection.inbox, folder)
    if storage.scheme(place) == "file":
        inbox, found = (storage.local_path(uri).resolve() for uri in (collection.inbox, place))
        if inbox not in found.parents:
            raise NotWanted(f"upload.{NotTaken.RESERVED}", name=folder)
    marker = collection.watch.marker if collection.watch else None
    if any(storage.exists(storage.join(place, name)) for name in (marker, DECLARATION) if name):
        raise NotWanted("upload.complete", name=folder)


def store(ledger: Ledger, target: Target, blocks: Iterable[bytes], size: int, user: User) -> bool:
    """Write a file into the inbox, and record who brought it; return whether it is new there.

    A file of that name is never replaced: one of the same content is what was wanted.

    Args:
        blocks: its content, of any sizes.
        size: bytes that were announced.

    Raises:
        CutOff: there are fewer or more bytes than announced; nothing is kept.
        NotWanted: the delivery is complete, before the file was sent or since.
        NameTaken: another file has this name.
        OutputNotWritable, StoreUnavailable: as storage does.
    """
    refuse_closed(target.collection, target.folder)
    sha256 = hashlib.sha256()
    new = not storage.exists(target.uri)
    writing: AbstractContextManager[BinaryIO | None] = storage.open_new(target.uri) if new else nullcontext()
    try:
        with writing as stream:
            for block in _checked(blocks, size, target):
                sha256.update(block)
                if stream is not None:
                    stream.write(block)
            if stream is not None:
                # Somebody may have finished the delivery meanwhile: the watch has taken it without this file.
                refuse_closed(target.collection, target.folder)
    except FileExistsError:
        new = False
    if not new and not _is_there(target.uri, sha256.hexdigest()):
        raise NameTaken("upload.taken", name=target.name, folder=target.folder)
    if new:
        figures = {"collection": target.collection.name, "path": f"{target.folder}/{target.name}"}
        figures |= {"sent_as": target.sent_as, "sha256": sha256.hexdigest(), "bytes": str(size)}
        _record(ledger, "received", figures, user)
    return new


def complete(ledger: Ledger, collection: Collection, folder: str, user: User) -> bool:
    """Mark a delivery as complete where the collection waits for a marker; return whether there is one."""
    marker = collection.watch.marker if collection.watch else None
    if marker:
        uri = storage.join(collection.inbox, folder, marker)
        storage.write_bytes(uri, f"uploaded by {user.name}\n".encode("utf-8", "replace"))
    _record(ledger, "complete", {"collection": collection.name, "path": folder}, user)
    return marker is not None


def _checked(blocks: Iterable[bytes], size: int, target: Target) -> Iterator[bytes]:
    """Yield blocks of `BLOCK` bytes, the last one smaller.

    Raises:
        CutOff: they are not `size` bytes.
    """
    waiting, count = bytearray(), 0
    for block in blocks:
        count += len(block)
        if count > size:
            break
        waiting += block
        if len(waiting) >= BLOCK:
            yield bytes(waiting)
            waiting.clear()
    if count != size:
        raise CutOff("upload.cut", name=target.sent_as)
    yield bytes(waiting)


def _is_there(uri: str, sha256: str) -> bool:
    try:
        return storage.sha256(uri) == sha256
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return False


def _record(ledger: Ledger, decision: str, figures: dict[str, str], user: User) -> None:
    record = events.EventRecord(
        None, "upload", str(EventType.TRANSFER), decision, figures=figures | {"user": user.id, "name": user.name}
    )
    with ledger.write() as session:
        events.append(session, None, TaskContext(), [record])
