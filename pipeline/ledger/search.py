"""Find scans among millions: by name, part of a name, digest, batch, recipe, weights, user and time.

The condition that leaves fewest scans is asked first, by its index, in pages; the others sift each page. Nothing grows
with the number of scans that are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from pipeline.ledger.paths import contains, ends, part_candidates
from pipeline.ledger.rows import PAGE
from pipeline.ledger.tables import Batch, Decision, Event, OutcomeRow, Publication, Scan

# Digits of a sha256 that are taken for one.
DIGITS = 8
# Rows of a first page: most callers want only the first few scans.
FIRST = 50
# Greater than every hexadecimal digit, smaller than every other character that follows one in a digest.
AFTER = "g"


@dataclass(frozen=True)
class ScanFilter:
    """Which scans to find; what is empty or None restricts nothing.

    Attributes:
        name: see `find_named`.
        part: of a path; upper and lower case alike.
        batch: name of a batch that has dealt with it.
        recipe: a recipe's digest, or 8 or more of its first digits.
        weights: digests, or 8 or more of their first digits, of an engine or a detector with its weights. Of an engine,
            what it has filled is found; of a detector, what it has looked at.
        user: id or name of a person who has decided about it.
        since, until: the time in which a result was recorded, until not included.
    """

    name: str = ""
    part: str = ""
    batch: str = ""
    recipe: str = ""
    weights: Sequence[str] = ()
    user: str = ""
    since: datetime | None = None
    until: datetime | None = None
    collection: str = ""


def find_scans(session: Session, wanted: ScanFilter) -> Iterator[Scan]:
    """Yield scans, each once: by id, by path where only a collection is wanted, by time where only that is."""
    made_by = _recipes(session, wanted)
    if made_by == []:
        return
    conditions = _conditions(session, wanted, made_by)
    for ids in _sizes(_driven(session, wanted, made_by)):
        found = {scan.id: scan for scan in session.scalars(select(Scan).where(Scan.id.in_(ids), *conditions))}
        yield from (found[key] for key in ids if key in found)


def find_named(session: Session, term: str, collection: str = "") -> Sequence[Scan]:
    """Return the scans that match a name or a digest, oldest first.

    Args:
        term: a path, a file name, a path of the output with or without extension, or 8 or more digits of a sha256, of a
            master or of a derivative.
    """
    mine = [Scan.collection == collection] if collection else []
    exact = list(session.scalars(select(Scan).where(Scan.path == term, *mine)))
    digits = term.lower()
    if len(digits) >= DIGITS and all(digit in "0123456789abcdef" for digit in digits):
        exact += session.scalars(select(Scan).where(begins(Scan.sha256, digits), *mine))
        derived = select(OutcomeRow.scan_id).where(begins(OutcomeRow.restored_sha256, digits))
        exact += session.scalars(select(Scan).where(Scan.id.in_(derived), *mine))
    found = {scan.id: scan for scan in exact}
    if not found:
        named = select(Scan).where(ends(session, f"/{term}"), *mine)
        found = {scan.id: scan for scan in session.scalars(named)}
    if not found:
        stem = term.rpartition(".")[0] if "." in term.rpartition("/")[2] else term
        return find_published(session, (term, stem), collection)
    return [found[key] for key in sorted(found)]


def find_published(session: Session, stems: Sequence[str], collection: str = "") -> Sequence[Scan]:
    """Return the scans whose results have one of some names, which have neither folder nor extension; oldest first."""
    of_name = and_(Publication.collection == Scan.collection, Publication.path == Scan.path)
    query = select(Scan).join(Publication, of_name).where(Publication.stem.in_(stems)).order_by(Scan.id)
    return session.scalars(query.where(Scan.collection == collection) if collection else query).all()


def begins(column: InstrumentedAttribute[str], digits: str) -> ColumnElement[bool]:
    """Return the condition that a digest begins with some digits, in a form that every index serves, as LIKE is not."""
    return and_(column >= digits, column < digits + AFTER)


def _sizes(ids: Iterator[int]) -> Iterator[list[int]]:
    """Yield ids in pages, each larger than the one before, up to a full page."""
    size = FIRST
    while page := list(islice(ids, size)):
        yield page
        size = min(2 * size, PAGE)


_Made = list[tuple[str, bool]]


def _recipes(session: Session, wanted: ScanFilter) -> _Made | None:
    """Return the digests of recipes that are wanted, each with whether only what was filled counts; None for all."""
    if not wanted.recipe and not wanted.weights:
        return None
    found: dict[str, bool] = {}
    query = select(Batch.engine_digest, Batch.recipe_digest).distinct()
    if wanted.recipe:
        query = query.where(begins(Batch.recipe_digest, wanted.recipe.lower()))
    for digests, recipe in session.execute(query):
        engine, _, rest = digests.partition(" ")
        detector = rest.partition(" ")[0]
        of_detector = any(detector.startswith(one) for one in wanted.weights)
        if not wanted.weights or of_detector:
            found[recipe] = False
        elif any(engine.startswith(one) for one in wanted.weights):
            found.setdefault(recipe, True)
    return list(found.items())


def _driven(session: Session, wanted: ScanFilter, made_by: _Made | None) -> Iterator[int]:
    """Yield ids by the condition that leaves fewest, each once."""
    if wanted.name:
        return iter([scan.id for scan in find_named(session, wanted.name, wanted.collection)])
    if wanted.user:
        # Sifted where they are found: a person may have decided about tens of thousands, and few of them are wanted.
        mine = _of_path(session, wanted)
        if mine:
            # No EXISTS: PostgreSQL would make a join of it, and read the whole collection for each page. The first
            # condition suffices, since the others sift what is left; comparing parts of a path takes longest.
            of_scan = select(Scan.id).where(Scan.id == Decision.scan_id, mine[0])
            mine = [of_scan.scalar_subquery() == Decision.scan_id]
        ways = [
            _by_scan(session, Decision.scan_id, and_(column == wanted.user, *mine))
            for column in (Decision.by, Decision.by_name)
        ]
        return _merged(ways)
    if wanted.batch:
        return _merged([_by_scan(session, Event.scan_id, Event.batch_id == one) for one in _batches(session, wanted)])
    if wanted.part:
        return _merged([_keyset(session, ids, where) for ids, where in part_candidates(session, wanted.part)])
    if made_by is not None:
        return _merged([_by_scan(session, OutcomeRow.scan_id, _made(recipe, only)) for recipe, only in made_by])
    if wanted.since or wanted.until:
        return _by_time(session, wanted)
    return _by_path(session, wanted)


def _made(recipe: str, only_filled: bool) -> ColumnElement[bool]:
    made = OutcomeRow.recipe_digest == recipe
    return and_(made, OutcomeRow.outcome == "restored") if only_filled else made


def _batches(session: Session, wanted: ScanFilter) -> Sequence[int]:
    mine = [Batch.collection == wanted.collection] if wanted.collection else []
    return session.scalars(select(Batch.id).where(Batch.name == wanted.batch, *mine)).all()


def _by_scan(session: Session, column: InstrumentedAttribute[Any], where: ColumnElement[bool]) -> Iterator[int]:
    """Yield the different scans of some rows, smallest id first; an index has the condition and the column in order."""
    return _keyset(session, column.expression, where, distinct=True)


def _keyset(
    session: Session, column: ColumnElement[Any], where: ColumnElement[bool], *, distinct: bool = False
) -> Iterator[int]:
    """Yield ids in order, in pages, each larger than the one before."""
    last, size = 0, FIRST
    query = select(column).where(where).order_by(column)
    query = query.distinct() if distinct else query
    while page := session.scalars(query.where(column > last).limit(size)).all():
        yield from page
        last, size = page[-1], min(2 * size, PAGE)


def _merged(ways: Sequence[Iterator[int]]) -> Iterator[int]:
    """Yield what several iterators in ascending order yield, each once."""
    return (key for key, _ in groupby(merge(*ways)))


def _by_time(session: Session, wanted: ScanFilter) -> Iterator[int]:
    """Yield scans by the first result that was recorded in the time wanted."""
    earlier = aliased(OutcomeRow)
    before = or_(
        earlier.recorded < OutcomeRow.recorded,
        and_(earlier.recorded == OutcomeRow.recorded, earlier.id < OutcomeRow.id),
    )
    repeated = select(earlier.id).where(earlier.scan_id == OutcomeRow.scan_id, before, *_within(wanted, earlier))
    query = select(OutcomeRow.recorded, OutcomeRow.scan_id, OutcomeRow.id).where(*_within(wanted), ~repeated.exists())
    query = query.order_by(OutcomeRow.recorded, OutcomeRow.scan_id).limit(PAGE)
    last: ColumnElement[bool] | None = None
    while page := session.execute(query if last is None else query.where(last)).all():
        yield from (scan_id for _, scan_id, _ in page)
        recorded, scan_id, _ = page[-1]
        # The first condition alone is what an index serves; the second leaves out what was there.
        same = and_(OutcomeRow.recorded == recorded, OutcomeRow.scan_id > scan_id)
        last = and_(OutcomeRow.recorded >= recorded, or_(OutcomeRow.recorded > recorded, same))


def _by_path(session: Session, wanted: ScanFilter) -> Iterator[int]:
    """Yield the scans of a collection by path, as its index has them; without one, all scans."""
    if not wanted.collection:
        yield from _keyset(session, Scan.id.expression, true())
        return
    query = select(Scan.path, Scan.sha256, Scan.id).where(Scan.collection == wanted.collection)
    query = query.order_by(Scan.path, Scan.sha256).limit(PAGE)
    last: ColumnElement[bool] = true()
    while page := session.execute(query.where(last)).all():
        yield from (key for _, _, key in page)
        path, sha256, _ = page[-1]
        last = and_(Scan.path >= path, or_(Scan.path > path, Scan.sha256 > sha256))


def _within(wanted: ScanFilter, rows: type[OutcomeRow] = OutcomeRow) -> list[ColumnElement[bool]]:
    found = [rows.recorded >= wanted.since] if wanted.since else []
    return [*found, rows.recorded < wanted.until] if wanted.until else found


def _of_path(session: Session, wanted: ScanFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that a scan's own row answers."""
    found: list[ColumnElement[bool]] = [Scan.collection == wanted.collection] if wanted.collection else []
    return [*found, contains(session, wanted.part)] if wanted.part else found


def _conditions(session: Session, wanted: ScanFilter, made_by: _Made | None) -> list[ColumnElement[bool]]:
    """Return every condition, for a page of scans."""
    found = _of_path(session, wanted)
    # Without a name, it is by the person that scans are found, see `_driven`.
    if wanted.user and wanted.name:
        by = or_(Decision.by == wanted.user, Decision.by_name == wanted.user)
        found.append(select(Decision.id).where(Decision.scan_id == Scan.id, by).exists())
    if wanted.batch:
        named = _batches(session, wanted)
        found.append(select(Event.id).where(Event.scan_id == Scan.id, Event.batch_id.in_(named)).exists())
    # One and the same result is meant by recipe, weights and time.
    made = [or_(*(_made(*one) for one in made_by))] if made_by is not None else []
    if made or wanted.since or wanted.until:
        of_scan = OutcomeRow.scan_id == Scan.id
        found.append(select(OutcomeRow.id).where(of_scan, *made, *_within(wanted)).exists())
    return found
