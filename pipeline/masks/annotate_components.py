"""Annotate components of masks that no detector has described, and count all of them by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from pipeline.detection.types import Component, Level
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask

#: Components annotated in one mask, the largest first.
MOST = 5_000


def annotate_components(mask: Mask, kind: str, level: Level, reason: str) -> list[Component]:
    """Return the connected components of a mask (H,W), largest first, all with the same kind, level and reason."""
    components = connected_components(mask)
    order = np.argsort(-components.areas, kind="stable")[:MOST]
    boxes, areas = components.boxes[order].tolist(), components.areas[order].tolist()
    return [
        Component(kind, level, (x, y, width, height), area, None, reason)
        for (x, y, width, height), area in zip(boxes, areas, strict=True)
    ]


def count_by_level(components: Iterable[Component]) -> dict[str, dict[str, int]]:
    """Return how many components of each kind there are, by level: `{"repair": {"dust": 3}}`, most frequent first."""
    counts: dict[str, Counter[str]] = {"repair": Counter(), "suggest": Counter()}
    for one in components:
        counts[one.level][one.kind] += 1
    return {level: dict(kinds.most_common()) for level, kinds in counts.items() if kinds}
