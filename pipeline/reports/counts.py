"""Read counts that other stages recorded as JSON."""

from __future__ import annotations

import json
from typing import Any


def read_counts(text: str, level: str | None = None) -> dict[str, int]:
    """Return the counts of a column as name → number; anything else than counts counts as none.

    Args:
        text: JSON, or empty.
        level: the key below which the counts lie, if any.
    """
    try:
        found: Any = json.loads(text) if text else {}
    except ValueError:
        return {}
    if level is not None:
        found = found.get(level) if isinstance(found, dict) else {}
    if not isinstance(found, dict):
        return {}
    return {str(name): number for name, number in found.items() if isinstance(number, int)}
