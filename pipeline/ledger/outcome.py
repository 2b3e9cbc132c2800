"""The outcomes of a scan."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a scan: exactly one per scan and recipe; the order is that of every list and chart."""

    RESTORED = "restored"
    """Damage was filled and a derivative published; every pixel outside the mask is bit-identical. Nothing to do."""
    UNCHANGED = "unchanged"
    """Nothing was certain enough to be filled, so there is no derivative. Look at the suggestions, if any."""
    REVIEW = "review"
    """The mask is not certain enough: it is published, nothing was filled, and a person must confirm or replace it."""
    QUARANTINED = "quarantined"
    """The file cannot be read completely or its companions do not fit. Read why in quarantine/ and deliver it again."""
    FAILED = "failed"
    """An error in the program. Read the message, fix the cause, and run the collection again with redo."""
