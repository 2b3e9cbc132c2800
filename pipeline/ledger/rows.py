"""Small helpers that all queries share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from pipeline.ledger.tables import Base

T = TypeVar("T")

# SQLite allows 32,766 variables in a statement; a page of rows stays far below.
PAGE = 500


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def insert(session: Session, table: type[Base]) -> postgresql.Insert:
    """Return an INSERT that knows ON CONFLICT on the session's database (both dialects spell it alike)."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]
    return postgresql.insert(table)


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Yield a sequence in pieces that fit into one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def batched(items: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """Yield a stream in lists of at most `size`."""
    page: list[T] = []
    for item in items:
        page.append(item)
        if len(page) >= size:
            yield page
            page = []
    if page:
        yield page


def plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures as JSON can hold them: what is absent, NaN or infinite becomes null; NumPy scalars, plain."""
    return {key: _plain(value) for key, value in figures.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
