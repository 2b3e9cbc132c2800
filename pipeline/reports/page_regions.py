"""Count the marked regions of one image or of a batch by kind, and describe them in words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.reports.language import Language


@dataclass(frozen=True)
class RegionCounts:
    """Marked regions by kind, most frequent first.

    Attributes:
        repair: filled, or to be filled.
        suggest: shown to a reviewer, and filled only when accepted.
        suppressed: by guard (`face`, `text`), those that it kept from being filled; they count in `suggest` too.
    """

    repair: Mapping[str, int] = field(default_factory=dict)
    suggest: Mapping[str, int] = field(default_factory=dict)
    suppressed: Mapping[str, int] = field(default_factory=dict)


def count_regions(rows: Iterable[tuple[str, str]]) -> RegionCounts:
    """Return the counts of some images added up.

    Args:
        rows: the columns `kinds` and `held` of each image, JSON or empty; anything else counts as empty.
    """
    repair, suggest, suppressed = Counter[str](), Counter[str](), Counter[str]()
    for kinds, held in rows:
        found = _mapping(kinds)
        repair.update(_counts(found.get("repair")))
        suggest.update(_counts(found.get("suggest")))
        suppressed.update(_counts(_mapping(held)))
    return RegionCounts(dict(repair.most_common()), dict(suggest.most_common()), dict(suppressed.most_common()))


def describe_regions(found: RegionCounts, t: Language) -> str:
    """Return the counts in words, e.g. `14 to fill (10 dust, 4 scratch), 3 only suggested (3 hair)`; "" for none."""
    parts = [
        t(f"regions.{level}", n=t.number(sum(counts.values())), kinds=_kinds(counts, t))
        for level, counts in (("repair", found.repair), ("suggest", found.suggest))
        if counts
    ]
    guards = [(f"regions.{guard}", count) for guard, count in found.suppressed.items()]
    parts += [t(key, n=t.number(count)) for key, count in guards if t.has(key)]
    return ", ".join(parts)


def _kinds(counts: Mapping[str, int], t: Language) -> str:
    names = (t(f"kind.{kind}") if t.has(f"kind.{kind}") else kind for kind in counts)
    return ", ".join(f"{t.number(count)} {name}" for count, name in zip(counts.values(), names, strict=True))


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _counts(found: Any) -> dict[str, int]:
    return {str(k): int(v) for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}
