"""Explanations: pieces of a mask that no detector explained, and counts of all that were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from pipeline.detection.types import Component, Level
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask

#: Pieces explained of one mask, the largest first.
MOST = 5_000


def annotate_components(mask: Mask, kind: str, level: Level, reason: str) -> list[Component]:
    """Return the connected pieces of a mask (H,W), largest first, all with the same kind, level and reason."""
    marked = connected_components(mask)
    order = np.argsort(-marked.areas, kind="stable")[:MOST]
    found = []
    for (x, y, width, height), area in zip(marked.boxes[order].tolist(), marked.areas[order].tolist(), strict=True):
        found.append(Component(kind, level, (x, y, width, height), area, None, reason))
    return found


def count_by_level(components: Iterable[Component]) -> dict[str, dict[str, int]]:
    """Return how many pieces there are of each kind, by level: `{"repair": {"dust": 3}}`, most frequent first."""
    counts: dict[str, Counter[str]] = {"repair": Counter(), "suggest": Counter()}
    for one in components:
        counts[one.level][one.kind] += 1
    return {level: dict(found.most_common()) for level, found in counts.items() if found}
