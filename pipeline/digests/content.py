"""Compose what a digest says, before it is rendered as text and HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.escape import one_line, visible
from pipeline.ledger.outcome import Outcome
from pipeline.reports.attention import Concern, Problem, find_concerns, group_concerns
from pipeline.reports.audit import describe_audit
from pipeline.reports.batch_summary import BatchSummary, Preview
from pipeline.reports.before_after import load_preview
from pipeline.reports.document import headline
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import FOLDER, Language
from pipeline.reports.left_out import describe_unused
from pipeline.reports.page_regions import describe_regions
from pipeline.reports.preview_jpeg import preview_jpeg
from pipeline.reports.statistics import BatchStatistics, batch_statistics
from pipeline.reports.suggestions import describe_suggestions, with_suggestions

if TYPE_CHECKING:
    import pandas as pd

MAX_PROBLEMS = 10
"""Problems told in the mail: some mail programs cut off messages of more than 100 kB of HTML."""
MAX_PAIRS = 3
PICTURE_BYTES = 40_000
PICTURE_SIDE = 560


@dataclass(frozen=True)
class PicturePair:
    """Two pictures of one image, as JPEG: before and after, or before and its damage where nothing was filled."""

    number: int
    name: str
    reason: str
    before: bytes
    second: bytes
    filled: bool


@dataclass(frozen=True)
class DigestContent:
    """One digest in words and pictures."""

    t: Language
    batch: BatchSummary
    statistics: BatchStatistics
    subject: str
    headline: str
    concerns: list[Concern]
    quality: list[str]
    marked: str
    suggested: str
    unused: str
    pairs: list[PicturePair]

    @property
    def problems(self) -> list[Problem]:
        """The problems that are named in the mail, each with its images."""
        return group_concerns(self.concerns)[:MAX_PROBLEMS]

    @property
    def unnamed(self) -> int:
        """How many more images need attention."""
        return len(self.concerns) - sum(problem.size for problem in self.problems)


def digest_content(
    frame: pd.DataFrame, batch: BatchSummary, previews: Callable[[Any], Preview | None]
) -> DigestContent:
    """Return what the digest of a batch says.

    Args:
        frame, batch, previews: as for `pipeline.reports.write_report`; at most a few previews are asked for.
    """
    t = Language(batch.language, (FOLDER, Path(__file__).parent / "languages"))
    full = complete_frame(frame)
    found = batch_statistics(full)
    wanted = find_concerns(full, t)
    return DigestContent(
        t=t,
        batch=batch,
        statistics=found,
        subject=subject(found, batch, t),
        headline=headline(found, t),
        concerns=wanted,
        quality=[*describe_quality(found, t), *filter(None, [describe_audit(batch.audit, t)])],
        marked=t("mail.marked", regions=marked) if (marked := describe_regions(found.regions, t)) else "",
        suggested=describe_suggestions(found.suggestions, t),
        unused=describe_unused(batch, t),
        pairs=_picture_pairs(full, wanted, previews),
    )


def subject(found: BatchStatistics, batch: BatchSummary, t: Language) -> str:
    """Return the subject on one line, whatever the collection is called."""
    parts = [t.count(f"mail.part.{outcome}", n) for outcome, n in _in_order(found) if n]
    what = ", ".join(parts) or t("mail.nothing")
    date = t.date(batch.finished, batch.timezone, short=True)
    return one_line(t("mail.subject", title=one_line(batch.label, 60), what=what, date=date), 250)


def _in_order(found: BatchStatistics) -> list[tuple[Outcome, int]]:
    """Return the counts by outcome, unchanged images last."""
    return sorted(found.counts.items(), key=lambda entry: entry[0] is Outcome.UNCHANGED)


def describe_quality(found: BatchStatistics, t: Language) -> list[str]:
    """Return the quality of the repairs in sentences, measurements and estimates apart."""
    sentences = []
    whole, hole = found.measured.get("psnr"), found.measured.get("psnr_hole")
    if whole:
        images = t.count("summary.median_of", whole.n)
        key = "mail.true" if hole else "mail.true_whole"
        inside = t.decibels(hole.median) if hole else ""
        sentences.append(t(key, images=images, psnr=inside, whole=t.decibels(whole.median)))
        if "psnr" in found.baseline:
            sentences.append(t("mail.baseline", whole=t.decibels(found.baseline["psnr"][1].median)))
    if found.estimate:
        images = t.count("summary.median_of", found.estimate.n)
        sentences.append(t("mail.estimate", images=images, psnr=t.decibels(found.estimate.median)))
    return sentences


def _picture_pairs(
    full: pd.DataFrame, wanted: list[Concern], previews: Callable[[Any], Preview | None]
) -> list[PicturePair]:
    """Return up to `MAX_PAIRS` images: some that need attention, the largest repairs, images with unfilled marks."""
    reasons = {concern.number: concern.reason for concern in wanted}
    restored = full[(full["outcome"] == Outcome.RESTORED) & ~full["number"].isin(list(reasons))]
    best = restored.sort_values("coverage", ascending=False, kind="stable")["number"].head(MAX_PAIRS).tolist()
    marks = with_suggestions(full).sort_values("suggested_share", ascending=False, kind="stable")["number"]
    rest = [number for number in marks.head(4 * MAX_PAIRS).tolist() if number not in {*reasons, *best}]
    rows = {int(row["number"]): row for _, row in full.iterrows()}
    found: list[PicturePair] = []

    def show(numbers: list[int], most: int) -> None:
        for number in numbers[: 4 * MAX_PAIRS]:
            if len(found) >= most:
                return
            preview = load_preview(previews, rows[number])
            if preview is None:
                continue
            second = preview.after or preview.mask
            found.append(
                PicturePair(
                    number=number,
                    name=visible(rows[number]["path"], 80),
                    reason=reasons.get(number, ""),
                    before=preview_jpeg(preview.before, PICTURE_BYTES, PICTURE_SIDE),
                    second=preview_jpeg(second, PICTURE_BYTES, PICTURE_SIDE) if second else b"",
                    filled=preview.after is not None,
                )
            )

    show([concern.number for concern in wanted], MAX_PAIRS - 1 if best else MAX_PAIRS)
    show(best, MAX_PAIRS)
    show(rest, MAX_PAIRS)
    return found
