"""The places that were marked, counted by kind: of one image, and of a batch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.reports.language import Language


@dataclass(frozen=True)
class RegionCounts:
    """Places by kind, most frequent first.

    Attributes:
        repair: filled, or to be filled.
        suggest: shown to a reviewer, and filled only when accepted.
        held: held back by the guards, `face` or `text`; they count among `suggest` too.
    """

    repair: Mapping[str, int] = field(default_factory=dict)
    suggest: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)


def count_regions(rows: Iterable[tuple[str, str]]) -> RegionCounts:
    """Return the places of some images together.

    Args:
        rows: the columns `kinds` and `held` of each, JSON or empty; what is no such thing counts as empty.
    """
    repair, suggest, held = Counter[str](), Counter[str](), Counter[str]()
    for kinds, back in rows:
        found = _mapping(kinds)
        repair.update(_counts(found.get("repair")))
        suggest.update(_counts(found.get("suggest")))
        held.update(_counts(_mapping(back)))
    return RegionCounts(dict(repair.most_common()), dict(suggest.most_common()), dict(held.most_common()))


def describe_regions(found: RegionCounts, t: Language) -> str:
    """Return the places in words, e.g. `14 filled (10 dust, 4 scratches), 3 only suggested (3 hair)`; "" for none."""
    parts = [
        t(f"places.{level}", n=t.number(sum(counts.values())), kinds=_kinds(counts, t))
        for level, counts in (("repair", found.repair), ("suggest", found.suggest))
        if counts
    ]
    parts += [
        t(f"places.{guard}", n=t.number(count)) for guard, count in found.held.items() if t.has(f"places.{guard}")
    ]
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
