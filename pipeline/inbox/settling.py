"""Decide when the files of an inbox have settled, so that a file still being copied is never read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.inbox.bagit import DECLARATION, PAYLOAD, bag_of
from pipeline.inbox.ignored import why_ignored
from pipeline.storage import Entry

# A delivery that never pauses would never settle: after this many settle times it is announced anyway.
PATIENCE = 20


@dataclass(frozen=True)
class Group:
    """One folder of an inbox in one listing, or one bag with everything in it: the unit that settles.

    Attributes:
        folder: path relative to the inbox, "" for the inbox itself.
        fingerprint: 16 hex digits of the sha256 over names, sizes and times (or ETags); changes when any file does.
        files: number of files in it that may be scans or belong to scans.
        marked: whether it contains the marker file.
        uri: of the folder.
        bag: whether it is a BagIt bag, which has settled when it is valid.
    """

    folder: str
    fingerprint: str
    files: int
    marked: bool
    uri: str = ""
    bag: bool = False


@dataclass
class _Folder:
    """What has been seen of one folder: everything in it, and what may be scans and their companions."""

    uri: str
    everything: hashlib._Hash = field(default_factory=hashlib.sha256)
    scans: hashlib._Hash = field(default_factory=hashlib.sha256)
    files: int = 0
    marked: bool = False

    def group(self, folder: str, *, in_bag: bool) -> Group:
        # A bag's own files are texts, and decide whether it is complete.
        digest = self.everything if in_bag else self.scans
        return Group(folder, digest.hexdigest()[:16], self.files, self.marked, self.uri)


def groups(entries: Iterable[Entry], marker: str | None = None, ignore: Sequence[str] = ()) -> dict[str, Group]:
    """Return the folders of a listing by name; memory grows with the folders, not with the files.

    Args:
        entries: the listing of an inbox, in any stable order.
        marker: file name that says a delivery is complete, or None.
        ignore: the collection's globs of files that are no scans; like systems' files and sidecars, they neither settle
            nor disturb a folder.
    """
    seen: dict[str, _Folder] = {}
    bags: set[str] = set()
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        found = seen.setdefault(folder, _Folder(_parent(entry)))
        if name == DECLARATION:
            bags.add(folder)
        if name == marker:
            found.marked = True
            continue
        line = f"{entry.path}\0{entry.size}\0{entry.modified}\0{entry.etag}\n".encode()
        found.everything.update(line)
        if why_ignored(entry.path, ignore) is None:
            found.files += 1
            found.scans.update(line)
    by_name = {
        name: found.group(name, in_bag=bag_of(f"{name}/." if name else ".", bags) is not None)
        for name, found in seen.items()
    }
    return _merge_bags(by_name, bags) if bags else by_name


def _merge_bags(found: dict[str, Group], bags: set[str]) -> dict[str, Group]:
    """Return the groups with all folders of a bag merged into one."""
    merged: dict[str, Group] = {}
    for folder, group in sorted(found.items()):
        bag = bag_of(f"{folder}/." if folder else ".", bags)
        if bag is None:
            merged[folder] = group
            continue
        whole = merged.get(bag) or replace(found[bag], fingerprint="", files=0, bag=True)
        inside = f"{folder}/".removeprefix(f"{bag}/" if bag else "")
        files = group.files if inside.startswith(PAYLOAD) else 0
        both = hashlib.sha256(f"{whole.fingerprint}{group.fingerprint}".encode()).hexdigest()[:16]
        merged[bag] = replace(whole, fingerprint=both, files=whole.files + files)
    return merged


def _parent(entry: Entry) -> str:
    """Return the URI of the folder or prefix that contains an entry."""
    return entry.uri.rpartition("/")[0]


@dataclass
class SettlingTracker:
    """Follow an inbox from listing to listing, and find the groups that have just settled.

    Attributes:
        settle: seconds for which a group must not change.
        marker: file name that settles a group immediately, and without which it never settles; or None.
        announced: fingerprint of the last state that was announced, or found to be invalid, by folder; the caller may
            store it to survive a restart.
        check: returns whether a bag is valid, None while that is not known. It may take minutes.
    """

    settle: float
    marker: str | None = None
    announced: dict[str, str] = field(default_factory=dict)
    check: Callable[[Group], bool | None] = lambda group: True
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _waiting: dict[str, float] = field(default_factory=dict)

    def update(self, current: Mapping[str, Group], now: float) -> list[Group]:
        """Return the groups that have settled since the last listing; each state of a group is returned once.

        Args:
            current: the groups of one listing.
            now: monotonic seconds.
        """
        settled = []
        for group in current.values():
            if not self._settled(group, now):
                continue
            complete = self.check(group) if group.bag else True
            if complete is None:
                continue
            if complete:
                settled.append(group)
            self.announced[group.folder] = group.fingerprint
            self._waiting.pop(group.folder, None)
        for known in (self.announced, self._seen, self._waiting):
            for folder in known.keys() - current.keys():
                del known[folder]
        return settled

    def due(self, now: float) -> float | None:
        """Return the seconds until the next group may have settled; None when none is waiting."""
        waits = [first + self.settle - now for f, (mark, first) in self._seen.items() if self.announced.get(f) != mark]
        return min((wait for wait in waits if wait > 0), default=None)

    def _settled(self, group: Group, now: float) -> bool:
        """Return whether a group has something new that has not changed for long enough."""
        if not group.files or self.announced.get(group.folder) == group.fingerprint:
            return False
        since = self._waiting.setdefault(group.folder, now)
        if self.marker is not None and not group.bag:
            return group.marked
        fingerprint, first = self._seen.get(group.folder, ("", now))
        if fingerprint != group.fingerprint:
            first = now
        self._seen[group.folder] = (group.fingerprint, first)
        if group.bag:
            # Its checksums decide; waiting for one unchanged listing only avoids reading files that still arrive.
            return fingerprint == group.fingerprint
        return now - first >= self.settle or now - since >= PATIENCE * max(self.settle, 1.0)
