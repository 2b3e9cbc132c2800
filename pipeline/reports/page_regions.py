"""Count the marks of one image or of a batch by kind, filled and not filled, and describe them in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.ledger.outcome import Outcome
from pipeline.reports.counts import read_counts
from pipeline.reports.frames import FrameRow
from pipeline.reports.language import Language
from pipeline.reports.suggestions import EXAMINED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RegionCounts:
    """Marks by kind, most frequent first.

    Attributes:
        repair: filled.
        suggest: not filled, and shown to a reviewer; their sum is the column `suggested`.
    """

    repair: Mapping[str, int] = field(default_factory=dict)
    suggest: Mapping[str, int] = field(default_factory=dict)


def count_regions(rows: Iterable[FrameRow | pd.Series[Any]]) -> RegionCounts:
    """Return the counts of some images added up; images that were not examined have none, as in `count_suggestions`.

    Args:
        rows: with the columns `outcome`, `kinds` and `suggested_kinds`.
    """
    repair, suggest = Counter[str](), Counter[str]()
    for row in rows:
        if row["outcome"] not in EXAMINED:
            continue
        # In a review nothing is filled, and everything marked counts as a suggestion.
        if row["outcome"] != Outcome.REVIEW:
            repair.update(read_counts(row["kinds"], "repair"))
        suggest.update(read_counts(row["suggested_kinds"]))
    return RegionCounts(dict(repair.most_common()), dict(suggest.most_common()))


def describe_regions(found: RegionCounts, t: Language) -> str:
    """Return the counts in words, e.g. `14 filled (10 dust, 4 scratch), 3 not filled (3 hair)`; "" for none."""
    return ", ".join(
        t(f"regions.{level}", n=t.number(sum(counts.values())), kinds=_kinds(counts, t))
        for level, counts in (("repair", found.repair), ("suggest", found.suggest))
        if counts
    )


def _kinds(counts: Mapping[str, int], t: Language) -> str:
    names = (t(f"kind.{kind}") if t.has(f"kind.{kind}") else kind for kind in counts)
    return ", ".join(f"{t.number(count)} {name}" for count, name in zip(counts.values(), names, strict=True))
