"""Find the images that need a person's attention, and say why."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


NO_SCANS = ("not-an-image", "empty", "mask-orphaned", "not-a-file")
"""Reasons of files that were perhaps never meant as scans."""
NAMES_AND_FIGURES = re.compile(r"[^\s(]+\.[A-Za-z][A-Za-z0-9]{1,4}\b|\d+(?:[.,]\d+)?(?: ?%)?")
"""What differs between the reasons of images with the same problem."""


class Cause(StrEnum):
    """Why an image needs attention, in the order in which the report lists them."""

    OUTSIDE_CHANGED = "outside_changed"
    REVIEW = Outcome.REVIEW.value
    QUARANTINED = Outcome.QUARANTINED.value
    FAILED = Outcome.FAILED.value
    LOW_ESTIMATE = "low_estimate"
    HIGH_SEAM = "high_seam"


RECORDED = (Cause.REVIEW, Cause.QUARANTINED, Cause.FAILED)
"""Causes whose reason was recorded as a sentence."""


@dataclass(frozen=True)
class Concern:
    """One image that needs attention.

    Attributes:
        number: the image's number in the batch.
        path: the file's path as received; templates show it through `visible`.
        reason: the main reason as a sentence.
        details: further sentences, e.g. the decoder's message, or a second reason.
        kind: equal for images with the same problem, whatever names and figures their reasons hold.
        problem: that problem as a sentence without them.
    """

    number: int
    path: str
    outcome: Outcome
    cause: Cause
    reason: str
    details: tuple[str, ...] = ()
    kind: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Problem:
    """One problem, and the images that have it; never none.

    Attributes:
        reason: the problem as a sentence: of a single image its own, with names and figures.
    """

    concerns: tuple[Concern, ...]

    @property
    def first(self) -> Concern:
        """The first of the images."""
        return self.concerns[0]

    @property
    def size(self) -> int:
        """How many images have it."""
        return len(self.concerns)

    @property
    def reason(self) -> str:
        return self.first.reason if self.size == 1 else self.first.problem


def group_concerns(concerns: Sequence[Concern]) -> list[Problem]:
    """Return the problems of a batch in the order of `concerns`, what may be no scan at all last within its cause."""
    groups: dict[tuple[Cause, str], list[Concern]] = {}
    for concern in concerns:
        groups.setdefault((concern.cause, concern.kind), []).append(concern)
    order = list(Cause)
    sorted_keys = sorted(groups, key=lambda key: (order.index(key[0]), key[1] in NO_SCANS))
    return [Problem(tuple(groups[key])) for key in sorted_keys]


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
            kind=_kind(row, main),
            problem=_problem(row, main, t),
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
    recorded = row["review_reason"] if cause is Cause.REVIEW else row["message"]
    # An unexpected error's message is for developers, so it is shown as a detail.
    if recorded and cause in RECORDED and row["reason"] != "error":
        said = translate(recorded, t.code)
        if said != recorded or t.code == RECORDED_LANGUAGE:
            return _as_sentence(said, row["path"])
    if cause in (Cause.QUARANTINED, Cause.FAILED) and t.has(f"reason.{row['reason']}"):
        return t(f"reason.{row['reason']}")
    return t(f"cause.{cause}")


def _kind(row: FrameRow, cause: Cause) -> str:
    """Return what images with the same problem have in common."""
    if cause in (Cause.QUARANTINED, Cause.FAILED):
        return str(row["reason"])
    return NAMES_AND_FIGURES.sub("…", row["review_reason"]) if cause is Cause.REVIEW else ""


def _problem(row: FrameRow, cause: Cause, t: Language) -> str:
    """Return a problem as a sentence that holds for every image with it."""
    said = translate(row["review_reason"], t.code)
    if cause is Cause.REVIEW and said and (said != row["review_reason"] or t.code == RECORDED_LANGUAGE):
        return _as_sentence(NAMES_AND_FIGURES.sub("…", said), "")
    if cause in (Cause.QUARANTINED, Cause.FAILED) and t.has(f"reason.{row['reason']}"):
        return t(f"reason.{row['reason']}")
    if cause in (Cause.LOW_ESTIMATE, Cause.HIGH_SEAM):
        return f"{t(f'group.{cause}')}."
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
    if not path or not text.startswith((path, path.rpartition("/")[2])):
        line = line[:1].upper() + line[1:]
    return line + ("" if line.endswith((".", "!", "?", "…")) else ".")
