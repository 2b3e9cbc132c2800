"""Move derivatives, and what was made of them, in and out of `withdrawn/`, over no file that holds anything else."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import storage
from pipeline.ledger import Outcome
from pipeline.ledger.outcome_files import FILES, files_of
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.ledger.tables import OutcomeRow
from pipeline.review.refusals import DecidedMeanwhile, Occupied
from pipeline.stages.cleanup import WITHDRAWN

RESTORED = "restored"
PLACES = {
    ReviewState.REJECTED: WITHDRAWN,
    ReviewState.ACCEPTED: RESTORED,
    ReviewState.OPEN: RESTORED,
    ReviewState.UNASKED: RESTORED,
}
"""Where a derivative belongs; in other states it stays where it is."""
FOLDERS = {
    "derivative": {RESTORED: RESTORED, WITHDRAWN: WITHDRAWN},
    "access copy": {RESTORED: "access", WITHDRAWN: f"{WITHDRAWN}/access"},
    "content credentials": {RESTORED: RESTORED, WITHDRAWN: WITHDRAWN},
}
"""The folder of each file that goes with the derivative, by the derivative's."""


@dataclass(frozen=True)
class Move:
    """A file that was copied to where it belongs, and lies at both places.

    Attributes:
        role: as `ledger.outcome_files` names it.
    """

    role: str
    source: str
    target: str

    def record(self, outcome: OutcomeRow) -> None:
        """Note in an outcome where the file is now."""
        column = next(uri for role, uri, _ in FILES if role == self.role)
        setattr(outcome, column.key, self.target)

    def finish(self) -> None:
        """Delete it where it was, once more copied should the copy be gone."""
        if not storage.exists(self.target):
            storage.copy(self.source, self.target)
        storage.delete(self.source)


def other_place(role: str, uri: str, stem: str, output: str) -> str:
    """Return the URI at which a file would lie were the result withdrawn, or were it not; empty where it has none."""
    folders = {place: storage.join(output, folder) + "/" for place, folder in FOLDERS.get(role, {}).items()}
    # One lies within the other's parent: the longer name is the place.
    here = max((one for one in folders if uri.startswith(folders[one])), key=lambda one: len(folders[one]), default="")
    if not here:
        return ""
    other = RESTORED if here == WITHDRAWN else WITHDRAWN
    return folders[other] + stem + uri[uri.rindex(".") :]


def copy_to_their_places(entry: QueueEntry, output: str, state: ReviewState) -> list[Move]:
    """Copy a derivative and what goes with it to where a state wants them; return those that were not there.

    An access copy that somebody has deleted is not missed.

    Raises:
        DecidedMeanwhile: one was changed since it was published.
        Occupied: another file has its name in `restored/`.
        FileNotFoundError: the derivative is gone.
    """
    place = PLACES.get(state)
    if not place or entry.outcome.outcome != Outcome.RESTORED:
        return []
    moves = []
    for role, uri, sha256 in files_of(entry.outcome):
        folder = FOLDERS.get(role, {}).get(place, "")
        if not folder or uri.startswith(storage.join(output, folder) + "/"):
            continue
        if role != "derivative" and not storage.exists(uri):
            continue
        moves.append(Move(role, uri, _copy(uri, sha256, entry.stem, output, folder)))
    return moves


def _copy(uri: str, sha256: str, stem: str, output: str, folder: str) -> str:
    """Copy a file into a folder of the output and return its URI there."""
    if storage.sha256(uri) != sha256:
        raise DecidedMeanwhile("derivative_changed")
    extension = uri[uri.rindex(".") :]
    target = storage.join(output, folder, stem + extension)
    if storage.exists(target) and storage.sha256(target) != sha256:
        if not folder.startswith(WITHDRAWN):
            raise Occupied("occupied", file=f"{folder}/{stem}{extension}")
        # An earlier derivative that was rejected: both stay.
        target = storage.join(output, folder, f"{stem}~{sha256[:8]}{extension}")
    storage.copy(uri, target)
    return target
