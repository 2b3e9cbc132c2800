"""Listing an inbox: scans with their masks and originals, in order, without what is no scan by intent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline import storage
from pipeline.errors import ConfigurationError, Reason
from pipeline.inbox import companions as pairs
from pipeline.inbox.bag_manifest import DECLARATION, is_tag
from pipeline.inbox.companions import Given
from pipeline.inbox.identify import fingerprint
from pipeline.inbox.settling import bag_of
from pipeline.settings import Collection
from pipeline.storage import Entry
from pipeline.storage.uris import local_path, scheme

# The share of the settle time by which the clocks of store, triggerer and worker may differ: a file for which the bell
# has rung must not be thought too young, for nothing would ring again.
SLACK = 0.2
LONELY = (
    "this is named like a mask or an infrared plane, but no scan of that name lies beside it; give it the scan's name, "
    "or remove it"
)


@dataclass(frozen=True)
class Found:
    """One thing in the inbox.

    Attributes:
        path: relative to the inbox.
        fingerprint: changes when the file does; empty when only reading it can tell.
        given: masks, protected region and infrared plane that belong to it.
        original: URI of the undamaged original, empty where none is known.
        reason: empty, or why it is no scan although it may be an image; `message` says it in a sentence.
        bag: folder of the BagIt bag in which it lies, relative to what is listed, or None.
    """

    entry: Entry
    path: str
    fingerprint: str
    given: Given = field(default_factory=Given)
    original: str = ""
    reason: str = ""
    message: str = ""
    bag: str | None = None


@dataclass
class Inbox:
    """What a run lists.

    Attributes:
        root: URI that is listed.
        prefix: path of the root relative to the collection's inbox, with a trailing slash; usually empty.
        since: seconds since 1970 before which files are left alone.
        unsettled: files that were left alone because their delivery may not be complete.
        bags: URIs of the BagIt bags in it, by folder; known once `found` has begun.
    """

    collection: Collection
    root: str
    prefix: str = ""
    since: float = 0.0
    unsettled: int = 0
    bags: dict[str, str] = field(default_factory=dict)

    def found(self) -> Iterator[Found]:
        """Yield everything that must be accounted for, by path; masks and the like without a scan come last.

        Raises:
            ConfigurationError: inbox, masks or originals are not there, or may not be listed.
            StoreUnavailable: the store did not answer.
        """
        companions = pairs.Companions(
            (self._inside(entry) for entry in self._bagging() if _is_companion(entry)),
            _listed("masks", self.collection.masks),
        )
        originals = pairs.by_stem(_listed("originals", self.collection.originals))
        for entry in self._listing():
            if _is_companion(entry):
                continue
            inside = self._inside(entry)
            bag = bag_of(entry.path, self.bags) if self.bags else None
            if bag is not None and is_tag(entry.path.removeprefix(f"{bag}/" if bag else "")):
                continue
            given = companions.of(inside.path)
            if entry.modified < self.since and entry.kind == "file":
                continue
            if bag is None and any(self._is_unsettled(one) for one in (entry, *given.entries)):
                self.unsettled += 1
                continue
            original = originals.get(inside.path) or originals.get(pairs.stem(inside.path))
            yield Found(
                entry,
                inside.path,
                fingerprint(entry),
                given,
                original.uri if original else "",
                bag=bag,
            )
        for entry in companions.lonely():
            if entry.modified >= self.since and not self._is_unsettled(entry):
                bag = bag_of(entry.path.removeprefix(self.prefix), self.bags)
                yield Found(
                    entry, entry.path, fingerprint(entry), reason=str(Reason.MASK_MISMATCH), message=LONELY, bag=bag
                )

    def _bagging(self) -> Iterator[Entry]:
        """Yield the listing and notes the bags in it."""
        for entry in self._listing():
            folder, _, name = entry.path.rpartition("/")
            if name == DECLARATION and bag_of(entry.path, self.bags) is None:
                self.bags[folder] = entry.uri.rpartition("/")[0]
            yield entry

    def _listing(self) -> Iterator[Entry]:
        marker = self.collection.watch.marker if self.collection.watch else None
        apart = [
            below
            for place in (self.collection.masks, self.collection.originals)
            if place and (below := _below(place, self.root)) is not None
        ]
        for entry in _listed("inbox", self.root):
            name = entry.path.rpartition("/")[2]
            if (name != marker or name == DECLARATION) and not any(
                entry.path.startswith(f"{folder}/") for folder in apart
            ):
                yield entry

    def _is_unsettled(self, entry: Entry) -> bool:
        """Return whether a file of a watched inbox may still be being copied; the watch rings when it is settled."""
        watch = self.collection.watch
        if watch is None or watch.marker is not None or entry.kind != "file":
            return False
        # A time in the future is another machine's clock, and would keep a file waiting for hours.
        return 0 <= time.time() - entry.modified < watch.settle * (1 - SLACK)

    def _inside(self, entry: Entry) -> Entry:
        """Return an entry with its path relative to the collection's inbox."""
        if not self.prefix:
            return entry
        return Entry(self.prefix + entry.path, entry.uri, entry.size, entry.modified, entry.etag, entry.kind)


def open_inbox(collection: Collection, source: str | None = None, since: str | datetime | None = None) -> Inbox:
    """Return what a run lists, checked.

    Raises:
        ConfigurationError: the inbox is not there, `source` leads elsewhere, `since` is no date, or results would be
            written into the inbox.
        StoreUnavailable: the store did not answer.
    """
    root, prefix = _root(collection, source)
    for what, where in (("inbox", root), ("masks", collection.masks), ("originals", collection.originals)):
        _check_there(what, where)
    for place in (collection.inbox, root):
        if _is_within(collection.output, place):
            raise ConfigurationError(
                f"output {collection.output}: lies inside the inbox {place}, so results would be taken for new scans; "
                "choose a place beside it"
            )
    return Inbox(collection, root, prefix, _moment(since, collection.timezone))


def _is_companion(entry: Entry) -> bool:
    return entry.kind == "file" and pairs.is_companion(entry.path)


def _check_there(what: str, where: str | None) -> None:
    try:
        there = where is None or storage.exists(where)
    except (PermissionError, ValueError) as error:
        raise ConfigurationError(f"{what} {where}: cannot be opened ({error})") from error
    if not there:
        raise ConfigurationError(f"{what} {where}: there is no such folder or prefix")


def _root(collection: Collection, source: str | None) -> tuple[str, str]:
    """Return what to list, and its path below the collection's inbox."""
    if not source or source.strip("/") in ("", "."):
        return collection.inbox, ""
    if scheme(source) != "file" or "://" in source or source.startswith("/"):
        below = _below(source, collection.inbox)
        return source, f"{below}/" if below else ""
    try:
        return storage.join(collection.inbox, source), f"{source.strip('/')}/"
    except ValueError as error:
        raise ConfigurationError(f"source {source!r}: must be a folder below the inbox, or a URI") from error


def _moment(since: str | datetime | None, timezone: str) -> float:
    if since is None or since == "":
        return 0.0
    try:
        moment = since if isinstance(since, datetime) else datetime.fromisoformat(since)
    except ValueError as error:
        raise ConfigurationError(f"since {since!r}: is not a date such as 2026-11-20 or 2026-11-20T18:00") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).timestamp()


def _listed(what: str, root: str | None) -> Iterator[Entry]:
    if not root:
        return
    try:
        yield from storage.list_files(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError(f"{what} {root}: there is no such folder or prefix") from error


def _is_within(place: str, outer: str) -> bool:
    return _normal(place) == _normal(outer) or _below(place, outer) is not None


def _below(place: str, outer: str) -> str | None:
    """Return the path of a place below another, or None when it is not below it."""
    inner, around = _normal(place), _normal(outer)
    return inner[len(around) + 1 :] if inner.startswith(f"{around}/") else None


def _normal(place: str) -> str:
    """Return a comparable spelling of a place."""
    return str(local_path(place).resolve()) if scheme(place) == "file" else place.rstrip("/")
