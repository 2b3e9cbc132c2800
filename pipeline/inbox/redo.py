"""Decide whether a scan that the ledger knows is done again, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.inbox.companions import UNREADABLE
from pipeline.inbox.listing import InboxFile
from pipeline.inbox.record import InboxRecord
from pipeline.ledger import Outcome
from pipeline.ledger.scans import LedgerMatch
from pipeline.settings import Recipe, Redo


class Again(StrEnum):
    """Why a scan is done although its path was done before, in the order in which it is told to people."""

    CONTENT = "content"
    """Another file has come under the same name."""
    MASK = "mask"
    """A mask, a protected region or an infrared plane was added, replaced or removed."""
    RECIPE = "recipe"
    """Somebody changed the recipe."""
    SOFTWARE = "software"
    """An update changed software or weights, and the collection wants such scans done again."""
    ASKED = "asked"
    """Somebody started a run with `redo`."""


@dataclass(frozen=True)
class RedoRule:
    """What makes a finished scan of one run new work.

    Attributes:
        redo: what the collection wants done again.
        recipe, recipe_digest: of the run.
        asked: whether the run was started to do finished scans again.
        masks_absent: whether the masks folder is empty, as an unmounted one is: then no mask counts as removed.
    """

    redo: Redo
    recipe: Recipe
    recipe_digest: str
    asked: bool = False
    masks_absent: bool = False

    def again(self, match: LedgerMatch, file: InboxFile) -> Again | None:
        """Return why a content that is finished, and still there, is done again; None when it is not."""
        if self._companions_changed(match, file):
            return Again.MASK
        return self.again_for_version(match) or (Again.ASKED if self.asked else None)

    def again_for_version(self, match: LedgerMatch) -> Again | None:
        """Return why a finished content is done again whatever lies beside it; None when it is not."""
        if not self.is_outdated(match) or self.redo is Redo.NEVER:
            return None
        if self.recipe.differs_from(match.recipe):
            return Again.RECIPE
        # What has failed or could not be read has no result to keep, and the update may have been made for it.
        tried_again = self.redo is Redo.CHANGED or match.outcome in (Outcome.QUARANTINED, Outcome.FAILED)
        return Again.SOFTWARE if tried_again else None

    def is_done(self, match: LedgerMatch, file: InboxFile) -> bool:
        """Return whether a content, if it is still there, is finished and stays as it is."""
        return bool(match.outcome) and self.again(match, file) is None

    def is_outdated(self, match: LedgerMatch) -> bool:
        """Return whether a result was made with another recipe, software or weights than this run's."""
        return bool(match.outcome) and match.recipe_digest != self.recipe_digest

    def why(self, record: InboxRecord, matches: Sequence[LedgerMatch]) -> Again | None:
        """Return why a file is done although its path was done before; None for what is new.

        Args:
            matches: the contents that its path has had.
        """
        finished = [match for match in matches if match.outcome]
        same = next((match for match in finished if match.sha256 == record.sha256), None)
        if same is not None:
            return self.again(same, record.file)
        return Again.CONTENT if finished else None

    def _companions_changed(self, match: LedgerMatch, file: InboxFile) -> bool:
        if not file.companions.entries:
            return bool(match.mask_given) and not self.masks_absent
        fingerprint, _, sha256 = match.mask_given.partition(" ")
        if fingerprint == file.companions.fingerprint:
            # What could not be read may become readable without any change to the file.
            return sha256 == UNREADABLE != file.companions.sha256()
        return not sha256 or sha256 != file.companions.sha256()


def is_unchanged(match: LedgerMatch, file: InboxFile) -> bool:
    """Return whether a path certainly still holds the content that the ledger knows, without reading it."""
    if file.entry.kind != "file":
        return match.sha256 == ""
    return match.fingerprint == file.fingerprint != ""
