"""Find scans by a part of their path, by the database's index of three letters each where there is one."""

from __future__ import annotations

import unicodedata

from sqlalchemy import ColumnElement, Integer, Select, column, func, inspect, or_, select, table
from sqlalchemy.orm import Session

from pipeline.ledger.tables import Scan

# SQLite's index, see migration 0010. PostgreSQL's is used by LIKE itself.
INDEX = "ledger_scan_paths"
PATHS = table(INDEX, column("rowid", Integer), column(INDEX))
# The index knows nothing shorter.
LETTERS = 3


def part_candidates(session: Session, part: str) -> list[tuple[ColumnElement[int], ColumnElement[bool]]]:
    """Return columns of scan ids, and conditions of which one holds for every path that contains a text.

    One for each way to compose its characters, upper and lower case alike. SQLite's index gives more than what is
    sought, and gives it in order, so that reading can stop early.
    """
    if not _is_indexed(session, part):
        return [(Scan.id.expression, _contains(session, form)) for form in _forms(part)]
    return [(PATHS.c.rowid, _match(form)) for form in _forms(part)]


def contains(session: Session, part: str) -> ColumnElement[bool]:
    """Return the condition that a path contains a text, for a few scans: no index is asked."""
    return or_(*(_contains(session, form) for form in _forms(part)))


def scans_with(session: Session, part: str) -> Select[int]:
    """Return a query for the ids of the scans whose path contains a text."""
    query = select(Scan.id).where(contains(session, part))
    if _is_indexed(session, part):
        query = query.where(or_(*(Scan.id.in_(select(PATHS.c.rowid).where(_match(form))) for form in _forms(part))))
    return query


def ends(session: Session, part: str) -> ColumnElement[bool]:
    """Return the condition that a path ends with exactly this text."""
    # LIKE of SQLite takes upper and lower case for the same.
    exactly = func.substr(Scan.path, func.length(Scan.path) - len(part) + 1) == part
    found = Scan.path.endswith(part, autoescape=True) & exactly
    if not _is_indexed(session, part):
        return found
    return Scan.id.in_(select(PATHS.c.rowid).where(_match(part))) & found


def _forms(part: str) -> list[str]:
    return sorted({unicodedata.normalize(form, part) for form in ("NFC", "NFD")})


def _contains(session: Session, part: str) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "sqlite":
        return func.ledger_contains(Scan.path, part) == 1
    # ILIKE, which PostgreSQL's index serves; `icontains` would compare lower(path).
    pattern = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Scan.path.ilike(f"%{pattern}%", escape="\\")


def _is_indexed(session: Session, part: str) -> bool:
    """Return whether SQLite's index knows a text."""
    return session.get_bind().dialect.name == "sqlite" and len(part) >= LETTERS and _has_index(session)


def _match(part: str) -> ColumnElement[bool]:
    """Return the condition, on SQLite's index, that a path has every three letters of a text."""
    letters = {part[start : start + LETTERS] for start in range(len(part) - LETTERS + 1)}
    words = " AND ".join('"{}"'.format(three.replace('"', '""')) for three in sorted(letters))
    return PATHS.c[INDEX].op("MATCH")(words)


def _has_index(session: Session) -> bool:
    known: bool | None = session.info.get(INDEX)
    if known is None:
        known = session.info[INDEX] = inspect(session.connection()).has_table(INDEX)
    return known
