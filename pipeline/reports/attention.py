"""Find the images that need a person's attention, and say why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.escape import one_line
from pipeline.ledger.outcome import Outcome
from pipeline.reports.frames import FrameRow
from pipeline.reports.language import Language
from pipeline.reports.recorded_sentences import RECORDED_LANGUAGE, translate

if TYPE_CHECKING:
    import pandas as pd

LOW_ESTIMATE = 20.0
"""Estimate in decibels below which a repair needs attention: there the error is a tenth of the tonal range."""
HIGH_SEAM = 2.0
"""Seam score above which a repair needs attention: its edge is twice as rough as its surroundings."""


class Cause(StrEnum):
    """Why an image needs attention, in the order in which the report lists them."""

    OUTSIDE_CHANGED = "outside_changed"
    REVIEW = Outcome.REVIEW.value
    QUARANTINED = Outcome.QUARANTINED.value
    FAILED = Outcome.FAILED.value
    LOW_ESTIMATE = "low_estimate"
    HIGH_SEAM = "high_seam"


@dataclass(frozen=True)
class Concern:
    """One image that needs attention.

    Attributes:
        number: the image's number in the batch.
        path: the file's path as received; templates show it through `visible`.
        reason: the main reason as a sentence.
        details: further sentences, e.g. the decoder's message, or a second reason.
    """

    number: int
    path: str
    outcome: Outcome
    cause: Cause
    reason: str
    details: tuple[str, ...] = ()


def find_concerns(frame: pd.DataFrame, t: Language) -> list[Concern]:
    """Return the images that need attention by cause, within a cause the worst figure first.

    Args:
        frame: as `frames.complete_frame` returns it.
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


def _causes(row: FrameRow) -> list[Cause]:
    causes = []
    outcome = row["outcome"]
    if row["outside_identical"] is False:
        causes.append(Cause.OUTSIDE_CHANGED)
    if outcome in (Outcome.REVIEW, Outcome.QUARANTINED, Outcome.FAILED):
        causes.append(Cause(str(outcome)))
    if outcome in (Outcome.RESTORED, Outcome.REVIEW):
        # Figures that were not measured are NaN, which compares as false.
        if row["estimate_psnr"] < LOW_ESTIMATE:
            causes.append(Cause.LOW_ESTIMATE)
        if row["seam"] > HIGH_SEAM:
            causes.append(Cause.HIGH_SEAM)
    return causes


def _sentence(row: FrameRow, cause: Cause, t: Language) -> str:
    """Return one cause as a sentence."""
    if cause is Cause.LOW_ESTIMATE:
        return t("cause.low_estimate", value=t.decibels(row["estimate_psnr"]))
    if cause is Cause.HIGH_SEAM:
        return t("cause.high_seam", value=t.number(row["seam"], 1))
    recorded = {Cause.REVIEW: row["review_reason"], Cause.FAILED: row["message"]}.get(cause)
    # An unexpected error's message is for developers, so it is shown as a detail.
    if recorded and row["reason"] != "error":
        said = translate(recorded, t.code)
        if said != recorded or t.code == RECORDED_LANGUAGE:
            return _as_sentence(said, row["path"])
    if cause in (Cause.QUARANTINED, Cause.FAILED) and t.has(f"reason.{row['reason']}"):
        return t(f"reason.{row['reason']}")
    return t(f"cause.{cause}")


def _details(row: FrameRow, cause: Cause, t: Language) -> list[str]:
    """Return what else was recorded about the cause, unless the sentence already says it."""
    if cause not in (Cause.REVIEW, Cause.QUARANTINED, Cause.FAILED):
        return []
    main = _sentence(row, cause, t)
    recorded = (row["review_reason"] if cause is Cause.REVIEW else "", row["message"])
    said = (_as_sentence(translate(text, t.code), row["path"]) for text in recorded if text)
    return [detail for detail in said if detail != main]


def _as_sentence(text: str, path: str) -> str:
    """Return recorded text as a sentence with a capital and a full stop; a file's name at its beginning is kept."""
    line = one_line(text, 500)
    if not text.startswith((path, path.rpartition("/")[2])):
        line = line[:1].upper() + line[1:]
    return line + ("" if line.endswith((".", "!", "?", "…")) else ".")
