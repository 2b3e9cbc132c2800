"""Count the marks of a batch that were not filled, and describe them in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.ledger.outcome import Outcome
from pipeline.reports.counts import read_counts
from pipeline.reports.language import Language

if TYPE_CHECKING:
    import pandas as pd

EXAMINED = (Outcome.RESTORED, Outcome.UNCHANGED, Outcome.REVIEW)


@dataclass(frozen=True)
class SuggestionCounts:
    """How many marks were not filled, on how many images, and what kept them from being filled."""

    images: int = 0
    marks: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


def with_suggestions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the images with marks that were not filled.

    Args:
        frame: as `frames.complete_frame` returns it.
    """
    return frame[(frame["suggested"] > 0) & frame["outcome"].isin([str(outcome) for outcome in EXAMINED])]


def count_suggestions(frame: pd.DataFrame) -> SuggestionCounts:
    """Return how many marks of a batch were not filled.

    Args:
        frame: as `frames.complete_frame` returns it.
    """
    rows = with_suggestions(frame)
    reasons = sum((Counter(read_counts(text)) for text in rows["suggested_reasons"]), Counter[str]())
    return SuggestionCounts(len(rows), int(rows["suggested"].sum()), dict(reasons.most_common()))


def describe_suggestions(found: SuggestionCounts, t: Language) -> str:
    """Return, e.g., `12 images carry 48 marks that were not filled: look at them.`, and why; "" for none."""
    if not found.images:
        return ""
    line = t.count("suggested.line", found.images, marks=t.count("suggested.marks", found.marks))
    why = describe_reasons(found.reasons, t)
    return f"{line} {t('suggested.why', reasons=why)}" if why else line


def describe_reasons(reasons: Mapping[str, int], t: Language) -> str:
    """Return what kept marks from being filled, e.g. `2 on faces, 1 not certain enough`; "" where nothing is known."""
    known = [(reason, count) for reason, count in reasons.items() if t.has(f"left.{reason}")]
    return ", ".join(t(f"left.{reason}", n=t.number(count)) for reason, count in known)
