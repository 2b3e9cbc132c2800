"""What a digest says, in words, before it becomes text or HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.escape import one_line, visible
from pipeline.ledger.outcome import Outcome
from pipeline.reports.attention import Concern, concerns
from pipeline.reports.before_after import preview_of
from pipeline.reports.document import headline
from pipeline.reports.figures import Figures, figures
from pipeline.reports.frames import complete
from pipeline.reports.language import FOLDER, Language
from pipeline.reports.page_regions import told
from pipeline.reports.pictures import jpeg
from pipeline.reports.suggestions import carrying, sentence
from pipeline.reports.summary import BatchSummary, Preview

if TYPE_CHECKING:
    import pandas as pd

MOST_CONCERNS = 10
"""Images that want attention named in the mail: some mail programs cut a message off beyond 100 kB of HTML."""
MOST_PAIRS = 3
PICTURE_BYTES = 40_000
PICTURE_SIDE = 560


@dataclass(frozen=True)
class Pair:
    """Two pictures of one image, as JPEG: before and after, or before and its damage where nothing was filled."""

    number: int
    name: str
    reason: str
    before: bytes
    second: bytes
    filled: bool


@dataclass(frozen=True)
class Content:
    """One digest in words and pictures."""

    t: Language
    batch: BatchSummary
    figures: Figures
    subject: str
    headline: str
    concerns: list[Concern]
    quality: list[str]
    marked: str
    suggested: str
    pairs: list[Pair]

    @property
    def named(self) -> list[Concern]:
        """The images that want attention and are named in the mail."""
        return self.concerns[:MOST_CONCERNS]

    @property
    def unnamed(self) -> int:
        """How many more want attention."""
        return len(self.concerns) - len(self.named)


def compose(frame: pd.DataFrame, batch: BatchSummary, previews: Callable[[Any], Preview | None]) -> Content:
    """Return what the digest of a batch says.

    Args:
        frame, batch, previews: as for `pipeline.reports.write_report`; at most a few previews are asked for.
    """
    t = Language(batch.language, (FOLDER, Path(__file__).parent / "languages"))
    full = complete(frame)
    found = figures(full)
    wanted = concerns(full, t)
    return Content(
        t=t,
        batch=batch,
        figures=found,
        subject=subject(found, batch, t),
        headline=headline(found, t),
        concerns=wanted,
        quality=quality(found, t),
        marked=t("mail.marked", places=marked) if (marked := told(found.places, t)) else "",
        suggested=sentence(found.suggestions, t),
        pairs=_pairs(full, wanted, previews),
    )


def subject(found: Figures, batch: BatchSummary, t: Language) -> str:
    """Return the subject, on one line whatever the collection is called."""
    parts = [t.count(f"mail.part.{outcome}", n) for outcome, n in _in_order(found) if n]
    what = ", ".join(parts) or t("mail.nothing")
    date = t.date(batch.finished, batch.timezone, short=True)
    return one_line(t("mail.subject", title=one_line(batch.label, 60), what=what, date=date), 250)


def _in_order(found: Figures) -> list[tuple[Outcome, int]]:
    """Return the counts with what was not worth a word last."""
    return sorted(found.counts.items(), key=lambda entry: entry[0] is Outcome.UNCHANGED)


def quality(found: Figures, t: Language) -> list[str]:
    """Return the quality of the repairs in sentences: measured and estimated apart."""
    sentences = []
    whole, hole = found.true.get("psnr"), found.true.get("psnr_hole")
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


def _pairs(full: pd.DataFrame, wanted: list[Concern], previews: Callable[[Any], Preview | None]) -> list[Pair]:
    """Return a few images: those that want attention, then the largest flawless repairs, then marks left unfilled."""
    reasons = {concern.number: concern.reason for concern in wanted}
    restored = full[(full["outcome"] == Outcome.RESTORED) & ~full["number"].isin(list(reasons))]
    best = restored.sort_values("coverage", ascending=False, kind="stable")["number"].head(MOST_PAIRS).tolist()
    marks = carrying(full).sort_values("suggested_share", ascending=False, kind="stable")["number"]
    rest = [number for number in marks.head(4 * MOST_PAIRS).tolist() if number not in {*reasons, *best}]
    rows = {int(row["number"]): row for _, row in full.iterrows()}
    found: list[Pair] = []

    def show(numbers: list[int], most: int) -> None:
        for number in numbers[: 4 * MOST_PAIRS]:
            if len(found) >= most:
                return
            preview = preview_of(previews, rows[number])
            if preview is None:
                continue
            second = preview.after or preview.mask
            found.append(
                Pair(
                    number=number,
                    name=visible(rows[number]["path"], 80),
                    reason=reasons.get(number, ""),
                    before=jpeg(preview.before, PICTURE_BYTES, PICTURE_SIDE),
                    second=jpeg(second, PICTURE_BYTES, PICTURE_SIDE) if second else b"",
                    filled=preview.after is not None,
                )
            )

    show([concern.number for concern in wanted], MOST_PAIRS - 1 if best else MOST_PAIRS)
    show(best, MOST_PAIRS)
    show(rest, MOST_PAIRS)
    return found
