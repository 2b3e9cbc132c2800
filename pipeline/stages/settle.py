"""When an inbox counts as settled, so that a file still being copied is never read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.storage import Entry

# A delivery that never pauses would never settle; after this many settle times its still files are taken anyway.
PATIENCE = 20


@dataclass(frozen=True)
class Group:
    """One folder of an inbox at one look: the unit that settles.

    Attributes:
        folder: path relative to the inbox, "" for the inbox itself.
        fingerprint: 16 hex digits of the sha256 over names, sizes and times (or ETags); changes when any file does.
        files: how many files it holds, markers not counted.
        marked: whether the marker file lies in it.
    """

    folder: str
    fingerprint: str
    files: int
    marked: bool


def groups(entries: Iterable[Entry], marker: str | None = None) -> dict[str, Group]:
    """Returns the folders of a listing by name; memory grows with the folders, not with the files.

    Args:
        entries: the listing of an inbox, in any stable order.
        marker: file name that says a delivery is complete, or None.
    """
    digests: dict[str, tuple[hashlib._Hash, int, bool]] = {}
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        digest, files, marked = digests.get(folder) or (hashlib.sha256(), 0, False)
        if name == marker:
            marked = True
        else:
            files += 1
            digest.update(f"{entry.path}\0{entry.size}\0{entry.modified}\0{entry.etag}\n".encode())
        digests[folder] = (digest, files, marked)
    return {f: Group(f, digest.hexdigest()[:16], files, marked) for f, (digest, files, marked) in digests.items()}


@dataclass
class Settling:
    """Follows an inbox from look to look and says which groups have just settled.

    Attributes:
        settle: seconds for which a group must hold still.
        marker: file name that settles a group at once, and without which it never settles; or None.
        rung: fingerprint of the last state announced, by folder; survives a restart when it is kept.
    """

    settle: float
    marker: str | None = None
    rung: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _waiting: dict[str, float] = field(default_factory=dict)

    def look(self, current: Mapping[str, Group], now: float) -> list[Group]:
        """Returns the groups that settled since the last look, each state of a group once.

        Args:
            current: the groups of one listing.
            now: monotonic seconds.
        """
        settled = [group for group in current.values() if self._settled(group, now)]
        for group in settled:
            self.rung[group.folder] = group.fingerprint
            self._waiting.pop(group.folder, None)
        for known in (self.rung, self._seen, self._waiting):
            for folder in known.keys() - current.keys():
                del known[folder]
        return settled

    def _settled(self, group: Group, now: float) -> bool:
        """Returns whether a group has something new that has held still for long enough."""
        if not group.files or self.rung.get(group.folder) == group.fingerprint:
            return False
        since = self._waiting.setdefault(group.folder, now)
        if self.marker is not None:
            return group.marked
        fingerprint, first = self._seen.get(group.folder, ("", now))
        if fingerprint != group.fingerprint:
            first = now
        self._seen[group.folder] = (group.fingerprint, first)
        return now - first >= self.settle or now - since >= PATIENCE * max(self.settle, 1.0)
