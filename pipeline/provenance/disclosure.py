"""Write the sentences that say what was done to a picture, for readers who have nothing but the sidecar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.ledger import Outcome

SOURCES = {
    "manual": "a mask painted by a person",
    "infrared": "the scanner's infrared plane",
    "detector": "software",
    "combined": "a person and software",
    "none": "nobody: no detector was used",
}


def disclosure(row: Mapping[str, Any], outcome: Outcome, moment: datetime) -> str:
    """Return the disclosure for one scan.

    Args:
        row: the scan's row of the manifest, with the columns of all stages.
        moment: of publication.
    """
    day = f"{moment:%Y-%m-%d}"
    share = percent(float(row["coverage"]))
    marked = SOURCES.get(str(row["mask_source"]), "software")
    if outcome is Outcome.RESTORED:
        return (
            f"This is a derivative: {share} of its pixels, marked as damaged by {marked}, were filled in by software "
            f"({row['engine']}) on {day}. They are a reconstruction, not evidence of what was lost. "
            "Every other pixel is identical to the master's." + _suggested(row)
        )
    if outcome is Outcome.REVIEW:
        return (
            f"Nothing was changed. On {day} {share} of this scan was marked as possibly damaged by {marked}; "
            "a person has to look before anything is filled in."
        )
    unchanged = (
        f"Nothing was changed: on {day} no damage to be filled in was marked by {marked}. No derivative was made."
    )
    return unchanged + _suggested(row)


def _suggested(row: Mapping[str, Any]) -> str:
    """Return a sentence, with a leading space, on damage that was marked and not filled; empty if there is none."""
    pieces = int(row["suggested"] or 0)
    if not pieces:
        return ""
    marks = "it is: 1 mark" if pieces == 1 else f"they are: {pieces} marks"
    share = percent(float(row["suggested_share"]))
    return f" Left as {marks} of possible damage ({share} of the scan), for a person to look at."


def percent(share: float) -> str:
    """Return a share as a percentage; a small share is never rounded to zero."""
    value = share * 100
    if 0 < value < 0.01:
        return "less than 0.01 %"
    return f"{value:.2f} %" if value < 1 else f"{value:.1f} %"
