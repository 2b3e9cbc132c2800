"""Move derivatives between `restored/` and `withdrawn/`, over no file that holds anything else."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import storage
from pipeline.ledger import Outcome
from pipeline.ledger.reviews import QueueEntry, ReviewState
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


@dataclass(frozen=True)
class Move:
    """A derivative that was copied to where it belongs, and lies at both places."""

    source: str
    target: str

    def finish(self) -> None:
        """Delete it where it was."""
        storage.delete(self.source)


def copy_to_its_place(entry: QueueEntry, output: str, state: ReviewState) -> Move | None:
    """Copy a derivative to where a state wants it; return None where it is there already.

    Raises:
        DecidedMeanwhile: it was changed since it was published.
        Occupied: another file has its name in `restored/`.
        FileNotFoundError: it is gone.
    """
    uri, folder = entry.outcome.restored_uri, PLACES.get(state)
    if not uri or not folder or entry.outcome.outcome != Outcome.RESTORED:
        return None
    if uri.startswith(storage.join(output, folder) + "/"):
        return None
    sha256 = entry.outcome.restored_sha256
    if storage.sha256(uri) != sha256:
        raise DecidedMeanwhile("derivative_changed")
    extension = uri[uri.rindex(".") :]
    target = storage.join(output, folder, entry.stem + extension)
    if storage.exists(target) and storage.sha256(target) != sha256:
        if folder == RESTORED:
            raise Occupied("occupied", file=f"{RESTORED}/{entry.stem}{extension}")
        # An earlier derivative that was rejected: both stay.
        target = storage.join(output, folder, f"{entry.stem}~{sha256[:8]}{extension}")
    storage.copy(uri, target)
    return Move(uri, target)
