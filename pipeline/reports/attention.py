"""Which images want a person's attention, and why, in plain words."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.escape import one_line
from pipeline.ledger.outcome import Outcome
from pipeline.reports.language import Language

if TYPE_CHECKING:
    import pandas as pd

LOW_ESTIMATE = 20.0
"""Decibels below which a repair's estimate is worth a look: there the error is a tenth of the tonal range."""
HIGH_SEAM = 2.0
"""Seam score above which a repair's rim is worth a look: it jumps twice as much as its surroundings."""
RECORDED_LANGUAGE = "en"
"""The language in which other parts of the library record their reasons; in another one they stand as a detail."""


class Cause(StrEnum):
    """Why an image wants attention; the order is the order of the page."""

    TOUCHED = "touched"
    REVIEW = Outcome.REVIEW.value
    QUARANTINED = Outcome.QUARANTINED.value
    FAILED = Outcome.FAILED.value
    LOW_ESTIMATE = "low_estimate"
    HIGH_SEAM = "high_seam"


@dataclass(frozen=True)
class Concern:
    """One image that wants attention.

    Attributes:
        number: the image's number in the batch.
        path: the file's path as it came; templates show it through `visible`.
        reason: the main reason as a sentence.
        details: further words, e.g. what the decoder said, or a second reason.
    """

    number: int
    path: str
    outcome: Outcome
    cause: Cause
    reason: str
    details: tuple[str, ...] = ()


def find_concerns(frame: pd.DataFrame, t: Language) -> list[Concern]:
    """Return the images that want attention, what needs a decision first; within a cause the worst figure first.

    Args:
        frame: as `frames.complete` returns it.
    """
    order = list(Cause)
    found: list[tuple[int, float, Concern]] = []
    for row in frame.to_dict("records"):
        causes = _causes(row)
        if not causes:
            continue
        main, *others = causes
        worst = {Cause.LOW_ESTIMATE: row["estimate_psnr"], Cause.HIGH_SEAM: -row["seam"]}.get(main, row["number"])
        details = [*_details(row, main, t), *(_sentence(row, other, t) for other in others)]
        concern = Concern(
            number=int(row["number"]),
            path=row["path"],
            outcome=Outcome(row["outcome"]),
            cause=main,
            reason=_sentence(row, main, t),
            details=tuple(details),
        )
        found.append((order.index(main), worst, concern))
    return [concern for _, _, concern in sorted(found, key=lambda entry: entry[:2])]


def _causes(row: Mapping[Hashable, Any]) -> list[Cause]:
    causes = []
    outcome = row["outcome"]
    if row["outside_identical"] is False:
        causes.append(Cause.TOUCHED)
    if outcome in (Outcome.REVIEW, Outcome.QUARANTINED, Outcome.FAILED):
        causes.append(Cause(str(outcome)))
    if outcome in (Outcome.RESTORED, Outcome.REVIEW):
        # NaN compares as false: what was not measured is no cause.
        if row["estimate_psnr"] < LOW_ESTIMATE:
            causes.append(Cause.LOW_ESTIMATE)
        if row["seam"] > HIGH_SEAM:
            causes.append(Cause.HIGH_SEAM)
    return causes


def _sentence(row: Mapping[Hashable, Any], cause: Cause, t: Language) -> str:
    """Return one cause as a sentence."""
    if cause is Cause.LOW_ESTIMATE:
        return t("cause.low_estimate", value=t.decibels(row["estimate_psnr"]))
    if cause is Cause.HIGH_SEAM:
        return t("cause.high_seam", value=t.number(row["seam"], 1))
    recorded = {Cause.REVIEW: row["review_reason"], Cause.FAILED: row["message"]}.get(cause)
    # The words of an unexpected error are for whoever mends it: a detail.
    if recorded and t.code == RECORDED_LANGUAGE and row["reason"] != "error":
        return _as_sentence(recorded, row["path"])
    if cause in (Cause.QUARANTINED, Cause.FAILED) and t.has(f"reason.{row['reason']}"):
        return t(f"reason.{row['reason']}")
    return t(f"cause.{cause}")


def _details(row: Mapping[Hashable, Any], cause: Cause, t: Language) -> list[str]:
    """Return what else was recorded about the cause, unless the sentence says it already."""
    if cause not in (Cause.REVIEW, Cause.QUARANTINED, Cause.FAILED):
        return []
    said = _sentence(row, cause, t)
    recorded = (row["review_reason"] if cause is Cause.REVIEW else "", row["message"])
    return [told for text in recorded if text and (told := _as_sentence(text, row["path"])) != said]


def _as_sentence(text: str, path: str) -> str:
    """Return recorded words as a sentence; a file's name at its beginning stays as it is."""
    line = one_line(text, 500)
    if not text.startswith((path, path.rpartition("/")[2])):
        line = line[:1].upper() + line[1:]
    return line + ("" if line.endswith((".", "!", "?", "…")) else ".")
