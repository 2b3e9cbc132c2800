"""Find scans by a part of their path, by the database's index of three letters each where there is one."""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import ColumnElement, Select, func, inspect, literal_column, or_, select, table
from sqlalchemy.orm import Session

from pipeline.ledger.tables import Scan

# SQLite's index, see migration 0010. PostgreSQL's is used by LIKE itself.
INDEX = "ledger_scan_paths"
# The index knows nothing shorter.
LETTERS = 3


def contains(session: Session, part: str, *, at_end: bool = False, indexed: bool = True) -> ColumnElement[bool]:
    """Return the condition that a path contains a text, upper and lower case alike, composed or not.

    Args:
        at_end: at its end, and exactly.
        indexed: False where only a few scans are looked at anyway.
    """
    forms = {unicodedata.normalize(form, part) for form in ("NFC", "NFD")}
    forms = {part} if at_end else forms
    return or_(*(_contains(session, form, at_end, indexed) for form in sorted(forms)))


def _contains(session: Session, part: str, at_end: bool, indexed: bool) -> ColumnElement[bool]:
    like = Scan.path.endswith(part, autoescape=True) if at_end else Scan.path.icontains(part, autoescape=True)
    if at_end:
        # LIKE of SQLite takes upper and lower case for the same.
        like &= func.substr(Scan.path, func.length(Scan.path) - len(part) + 1) == part
    if session.get_bind().dialect.name != "sqlite":
        # ILIKE, which the index serves; `icontains` compares lower(path).
        pattern = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return like if at_end else Scan.path.ilike(f"%{pattern}%", escape="\\")
    if not indexed or len(part) < LETTERS or not _has_index(session):
        return like
    letters = {part[start : start + LETTERS] for start in range(len(part) - LETTERS + 1)}
    words = " AND ".join('"{}"'.format(three.replace('"', '""')) for three in sorted(letters))
    found: Select[Any] = (
        select(literal_column("rowid")).select_from(table(INDEX)).where(literal_column(INDEX).op("MATCH")(words))
    )
    return Scan.id.in_(found) & like


def _has_index(session: Session) -> bool:
    known: bool | None = session.info.get(INDEX)
    if known is None:
        known = session.info[INDEX] = inspect(session.connection()).has_table(INDEX)
    return known
