"""Helpers that all queries share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from pipeline.ledger.tables import Base

T = TypeVar("T")

# SQLite allows 32,766 variables in a statement; a page of rows stays well below.
PAGE = 500


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def insert(session: Session, table: type[Base]) -> postgresql.Insert:
    """Return an INSERT that supports ON CONFLICT on the session's database (both dialects have the same methods)."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]
    return postgresql.insert(table)


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Yield a sequence in slices that fit into one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def batched(items: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """Yield an iterable in lists of at most `size` items."""
    page: list[T] = []
    for item in items:
        page.append(item)
        if len(page) >= size:
            yield page
            page = []
    if page:
        yield page


def json_values(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures as JSON can hold them: NaN and infinity become null, NumPy scalars become Python numbers."""
    return {key: _json_value(value) for key, value in figures.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json_values(value)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
