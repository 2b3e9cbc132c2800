"""Count the marks of a batch that were not filled, and describe them in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.ledger.outcome import Outcome
from pipeline.reports.language import Language

if TYPE_CHECKING:
    import pandas as pd

EXAMINED = (Outcome.RESTORED, Outcome.UNCHANGED, Outcome.REVIEW)


@dataclass(frozen=True)
class SuggestionCounts:
    """How many marks were not filled, and on how many images."""

    images: int = 0
    marks: int = 0


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
    return SuggestionCounts(len(rows), int(rows["suggested"].sum()))


def describe_suggestions(found: SuggestionCounts, t: Language) -> str:
    """Return, e.g., `12 images carry 48 marks that were not filled: look at them.`; "" where there are none."""
    if not found.images:
        return ""
    return t.count("suggested.line", found.images, marks=t.count("suggested.marks", found.marks))
