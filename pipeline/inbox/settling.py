"""When an inbox counts as settled, so that a file still being copied is never read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.inbox.bag_manifest import DECLARATION, PAYLOAD
from pipeline.storage import Entry

# A delivery that never pauses would never settle; after this many settle times its still files are taken anyway.
PATIENCE = 20


@dataclass(frozen=True)
class Group:
    """One folder of an inbox at one look, or one bag with all that is in it: the unit that settles.

    Attributes:
        folder: path relative to the inbox, "" for the inbox itself.
        fingerprint: 16 hex digits of the sha256 over names, sizes and times (or ETags); changes when any file does.
        files: how many files it holds, markers not counted.
        marked: whether the marker file lies in it.
        uri: of the folder.
        bag: whether it is a BagIt bag, which has arrived when its checksums say so.
    """

    folder: str
    fingerprint: str
    files: int
    marked: bool
    uri: str = ""
    bag: bool = False


def groups(entries: Iterable[Entry], marker: str | None = None) -> dict[str, Group]:
    """Return the folders of a listing by name; memory grows with the folders, not with the files.

    Args:
        entries: the listing of an inbox, in any stable order.
        marker: file name that says a delivery is complete, or None.
    """
    digests: dict[str, tuple[hashlib._Hash, int, bool, str]] = {}
    bags: set[str] = set()
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        digest, files, marked, uri = digests.get(folder) or (hashlib.sha256(), 0, False, _parent(entry))
        if name == marker:
            marked = True
        else:
            files += 1
            digest.update(f"{entry.path}\0{entry.size}\0{entry.modified}\0{entry.etag}\n".encode())
        if name == DECLARATION:
            bags.add(folder)
        digests[folder] = (digest, files, marked, uri)
    found = {f: Group(f, d.hexdigest()[:16], files, marked, uri) for f, (d, files, marked, uri) in digests.items()}
    return _bagged(found, bags) if bags else found


def bag_of(path: str, bags: Mapping[str, object] | set[str]) -> str | None:
    """Return the outermost bag in which a path lies, or None.

    Args:
        path: of a file, relative to the inbox.
        bags: folders that are bags.
    """
    parts = path.split("/")[:-1]
    return next((f for count in range(len(parts) + 1) if (f := "/".join(parts[:count])) in bags), None)


def _bagged(found: dict[str, Group], bags: set[str]) -> dict[str, Group]:
    """Return the groups with all folders of a bag taken together."""
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
    """Return the URI of the folder or prefix in which an entry lies."""
    return entry.uri.rpartition("/")[0]


@dataclass
class Settling:
    """Follows an inbox from look to look and says which groups have just settled.

    Attributes:
        settle: seconds for which a group must hold still.
        marker: file name that settles a group at once, and without which it never settles; or None.
        rung: fingerprint of the last state announced, or found to be harmed, by folder; survives a restart when it is
            kept.
        check: says whether a bag is whole; None when that is not known now. It may take long.
    """

    settle: float
    marker: str | None = None
    rung: dict[str, str] = field(default_factory=dict)
    check: Callable[[Group], bool | None] = lambda group: True
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _waiting: dict[str, float] = field(default_factory=dict)

    def look(self, current: Mapping[str, Group], now: float) -> list[Group]:
        """Return the groups that settled since the last look, each state of a group once.

        Args:
            current: the groups of one listing.
            now: monotonic seconds.
        """
        settled = []
        for group in current.values():
            if not self._settled(group, now):
                continue
            whole = self.check(group) if group.bag else True
            if whole is None:
                continue
            if whole:
                settled.append(group)
            self.rung[group.folder] = group.fingerprint
            self._waiting.pop(group.folder, None)
        for known in (self.rung, self._seen, self._waiting):
            for folder in known.keys() - current.keys():
                del known[folder]
        return settled

    def due(self, now: float) -> float | None:
        """Return the seconds after which the next group will have held still for long enough; None when none waits."""
        waits = [first + self.settle - now for f, (mark, first) in self._seen.items() if self.rung.get(f) != mark]
        return min((wait for wait in waits if wait > 0), default=None)

    def _settled(self, group: Group, now: float) -> bool:
        """Return whether a group has something new that has held still for long enough."""
        if not group.files or self.rung.get(group.folder) == group.fingerprint:
            return False
        since = self._waiting.setdefault(group.folder, now)
        if self.marker is not None and not group.bag:
            return group.marked
        fingerprint, first = self._seen.get(group.folder, ("", now))
        if fingerprint != group.fingerprint:
            first = now
        self._seen[group.folder] = (group.fingerprint, first)
        if group.bag:
            # Its checksums decide; that nothing moved since the last look only saves reading what still arrives.
            return fingerprint == group.fingerprint
        return now - first >= self.settle or now - since >= PATIENCE * max(self.settle, 1.0)
