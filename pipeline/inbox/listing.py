"""List an inbox: scans in order, with their masks and originals, without files that are not meant as scans."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline import storage
from pipeline.errors import ConfigurationError, Reason
from pipeline.inbox.bagit import DECLARATION, bag_of, is_tag_file
from pipeline.inbox.companions import CompanionFiles, by_stem
from pipeline.inbox.contents import Contents
from pipeline.inbox.identify import fingerprint
from pipeline.inbox.ignored import Ignored, why_ignored
from pipeline.inbox.names import normalized, stem
from pipeline.inbox.pairing import UnusedFile, pair
from pipeline.ledger.publications import shortened
from pipeline.settings import Collection
from pipeline.storage import Entry
from pipeline.storage.uris import local_path, scheme

# Share of the settle time by which the clocks of store, triggerer and worker may differ: a file that the trigger has
# announced must not be considered too young, because the trigger would not announce it again.
SLACK = 0.2
# Folders of an output, any of which may be a link: of every run, and of people's decisions.
RESULT_FOLDERS = ("restored", "masks", "suggestions", "sidecars", "quarantine", "reports", "access", "iiif")
WRITTEN_FOLDERS = (*RESULT_FOLDERS, "decided", "withdrawn", ".work")
# Folder of the output with the masks that people decided in review, and the end of their names after the scan's
# shortened path.
DECIDED, DECIDED_MASK = "decided", ".mask.png"
ORPHANED = (
    "this is named like a mask, a protected region or an infrared plane, but there is no scan of that name beside it; "
    "give it the scan's name, or remove it"
)


@dataclass(frozen=True)
class InboxFile:
    """One entry of the inbox that a batch must account for.

    Attributes:
        path: relative to the inbox.
        fingerprint: changes when the file does; empty when only reading the file can show a change.
        companions: masks, protected region and infrared plane that belong to it.
        original: URI of the undamaged original, empty where none is known.
        reason: why it is not a scan although it may be an image, else empty; `message` explains it in a sentence.
        bag: folder of the BagIt bag that contains it, relative to the listed root, or None.
    """

    entry: Entry
    path: str
    fingerprint: str
    companions: CompanionFiles = field(default_factory=CompanionFiles)
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
        only: path of the only scan that is wanted, relative to the collection's inbox; empty for all.
        since: files modified before this are skipped, in seconds since 1970.
        unsettled: how many files were skipped because their delivery may not be complete.
        ignored: how many files that are no scans were left out, and why; known once `files` has yielded all.
        unused: masks and other companions that were used for no scan; known once `files` has yielded.
        bags: URIs of the BagIt bags in it, by folder; known once `files` has yielded.
        masks_absent: whether a masks folder is configured and holds nothing; known once `files` has yielded.
    """

    collection: Collection
    root: str
    prefix: str = ""
    only: str = ""
    since: float = 0.0
    unsettled: int = 0
    ignored: Counter[Ignored] = field(default_factory=Counter)
    unused: list[UnusedFile] = field(default_factory=list)
    bags: dict[str, str] = field(default_factory=dict)
    masks_absent: bool = False

    def files(self, contents: Contents | None = None) -> Iterator[InboxFile]:
        """Yield everything that a batch must account for, by path; companion files without a scan come last.

        Args:
            contents: decides what names leave open, and keeps what it has decided; by default everything is read anew.

        Raises:
            ConfigurationError: inbox, masks or originals are not there, or may not be listed.
            StoreUnavailable: the store did not answer.
        """
        companions = pair(
            self._possible_files,
            _listed("masks", self.collection.masks),
            contents or Contents(),
        )
        self.unused = [one for one in companions.unused if one.path.startswith(self.prefix)]
        self.masks_absent = self.collection.masks is not None and companions.folder_is_empty
        originals = by_stem(_listed("originals", self.collection.originals))
        decided = _decided_masks(self.collection.output)
        self.ignored.clear()
        for entry in self._list_noting_bags():
            scan = self._relative_to_inbox(entry)
            if self.only and scan.path != self.only:
                continue
            why = why_ignored(scan.path, self.collection.ignore)
            bag = bag_of(entry.path, self.bags) if self.bags else None
            if bag is not None and is_tag_file(entry.path.removeprefix(f"{bag}/" if bag else "")):
                continue
            if companions.is_companion(scan.path) or why:
                self.ignored.update([why] if why and entry.kind == "file" else [])
                continue
            belonging = companions.of(scan.path)
            # What a review decided is written whole: only what is delivered has to settle.
            delivered = (entry, *belonging.entries)
            if by_person := decided.get(shortened(scan.path)):
                belonging = replace(belonging, mask=by_person, note="")
            if entry.modified < self.since and entry.kind == "file":
                continue
            if bag is None and any(map(self.is_unsettled, delivered)):
                self.unsettled += 1
                continue
            original = originals.get(normalized(scan.path)) or originals.get(normalized(stem(scan.path)))
            yield InboxFile(
                entry,
                scan.path,
                fingerprint(entry),
                belonging,
                original.uri if original else "",
                bag=bag,
            )
        for entry in sorted(companions.orphaned, key=lambda entry: entry.path) if not self.only else ():
            if entry.modified >= self.since and not self.is_unsettled(entry):
                bag = bag_of(entry.path.removeprefix(self.prefix), self.bags)
                yield InboxFile(
                    entry, entry.path, fingerprint(entry), reason=str(Reason.MASK_ORPHANED), message=ORPHANED, bag=bag
                )

    def _possible_files(self) -> Iterator[Entry]:
        """Yield what may be scans or belong to scans, with paths relative to the inbox."""
        for entry in map(self._relative_to_inbox, self._list_noting_bags()):
            if why_ignored(entry.path, self.collection.ignore) in (None, Ignored.SIDECAR):
                yield entry

    def _list_noting_bags(self) -> Iterator[Entry]:
        """Yield the listing, and record the bags in it."""
        for entry in self._list():
            folder, _, name = entry.path.rpartition("/")
            if name == DECLARATION and bag_of(entry.path, self.bags) is None:
                self.bags[folder] = entry.uri.rpartition("/")[0]
            yield entry

    def _list(self) -> Iterator[Entry]:
        """Yield the listing without markers, and without masks and originals kept inside the inbox."""
        marker = self.collection.watch.marker if self.collection.watch else None
        excluded = [
            below
            for folder in (self.collection.masks, self.collection.originals)
            if folder and (below := _below(folder, self.root)) is not None
        ]
        for entry in _listed("inbox", self.root):
            name = entry.path.rpartition("/")[2]
            if (name != marker or name == DECLARATION) and not any(
                entry.path.startswith(f"{folder}/") for folder in excluded
            ):
                yield entry

    def is_unsettled(self, entry: Entry) -> bool:
        """Return whether a file of a watched inbox may still be copied; the trigger announces it once settled."""
        watch = self.collection.watch
        if watch is None or watch.marker is not None or entry.kind != "file":
            return False
        # A time in the future comes from another machine's clock, and would delay the file for hours.
        return 0 <= time.time() - entry.modified < watch.settle * (1 - SLACK)

    def _relative_to_inbox(self, entry: Entry) -> Entry:
        """Return an entry with its path relative to the collection's inbox."""
        if not self.prefix:
            return entry
        return Entry(self.prefix + entry.path, entry.uri, entry.size, entry.modified, entry.etag, entry.kind)


def open_inbox(collection: Collection, source: str | None = None, since: str | datetime | None = None) -> Inbox:
    """Return the inbox that a run lists, after checking it.

    Args:
        source: folder or file below the inbox, or a URI, to list instead of the whole inbox.
        since: files modified before this moment are skipped; without a time zone it is in the collection's.

    Raises:
        ConfigurationError: the inbox does not exist, `source` is outside it, `since` is not a date, or the output
            overlaps with what is read.
        StoreUnavailable: the store did not answer.
    """
    root, prefix = _root(collection, source)
    for what, uri in (("inbox", root), ("masks", collection.masks), ("originals", collection.originals)):
        _check_exists(what, uri)
    sources = (collection.inbox, root, collection.masks, collection.originals)
    storage.refuse_overlap(collection.output, *sources)
    storage.refuse_linked_folders(collection.output, (f"{folder}/" for folder in WRITTEN_FOLDERS), *sources)
    only = ""
    if prefix and _is_file(root):
        # What belongs to a scan lies beside it: the whole folder is listed for one file.
        only = prefix.rstrip("/")
        root, prefix = root.rstrip("/").rpartition("/")[0], only.rpartition("/")[0] + "/" if "/" in only else ""
    return Inbox(collection, root, prefix, only, _timestamp(since, collection.timezone))


def _decided_masks(output: str) -> dict[str, Entry]:
    """Return the masks that people decided in review, by shortened path of the scan; they come before all others."""
    folder = storage.join(output, DECIDED)
    if not storage.exists(folder):
        return {}
    entries = (entry for entry in storage.list_files(folder) if entry.path.endswith(DECIDED_MASK))
    return {entry.path.removesuffix(DECIDED_MASK): entry for entry in entries}


def _is_file(root: str) -> bool:
    """Return whether a URI is that of a file."""
    try:
        first = next(storage.list_files(root), None)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return first is not None and first.kind == "file" and _normalized(first.uri) == _normalized(root)


def _check_exists(what: str, uri: str | None) -> None:
    try:
        exists = uri is None or storage.exists(uri)
    except (PermissionError, ValueError) as error:
        raise ConfigurationError(f"{what} {uri}: cannot be opened ({error})") from error
    if not exists:
        raise ConfigurationError(f"{what} {uri}: there is no such folder or prefix")


def _root(collection: Collection, source: str | None) -> tuple[str, str]:
    """Return the URI to list, and its path below the collection's inbox."""
    if not source or source.strip("/") in ("", "."):
        return collection.inbox, ""
    if scheme(source) != "file" or "://" in source or source.startswith("/"):
        below = _below(source, collection.inbox)
        return source, f"{below}/" if below else ""
    try:
        return storage.join(collection.inbox, source), f"{source.strip('/')}/"
    except ValueError as error:
        raise ConfigurationError(f"source {source!r}: must be a folder below the inbox, or a URI") from error


def _timestamp(since: str | datetime | None, timezone: str) -> float:
    """Return a moment in seconds since 1970, 0 for none."""
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


def _below(uri: str, outer: str) -> str | None:
    """Return the path of a folder relative to another, or None when it is not below it."""
    inner, parent = _normalized(uri), _normalized(outer)
    return inner[len(parent) + 1 :] if inner.startswith(f"{parent}/") else None


def _normalized(uri: str) -> str:
    """Return a comparable spelling of a path or URI."""
    return str(local_path(uri).resolve()) if scheme(uri) == "file" else uri.rstrip("/")
