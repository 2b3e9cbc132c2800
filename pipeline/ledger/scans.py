"""Record scans, and find what the ledger has recorded of a path or a content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pipeline.ledger.outcome import Outcome
from pipeline.ledger.reviews import ReviewState
from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import Batch, Claim, OutcomeRow, Review, Scan

# What is asked of the outcome of a path.
DONE = (
    OutcomeRow.scan_id,
    OutcomeRow.outcome,
    OutcomeRow.mask_given,
    OutcomeRow.recipe_digest,
    OutcomeRow.batch_id,
)


@dataclass(frozen=True)
class LedgerMatch:
    """One content that a path has had, and its outcome.

    Attributes:
        fingerprint: of the file when it had this content; empty when only reading the file can show a change.
        outcome: if its results are those published for the path now; None if another content came later.
        mask_given: fingerprint and digest of the companion files with which the outcome was made; empty without any.
        recipe_digest: of the recipe with which it was made.
        recipe: the recipe as its batch recorded it.
        claimed_by: the batch that is working on it now, or None.
    """

    scan_id: int
    sha256: str
    fingerprint: str
    outcome: str | None = None
    mask_given: str = ""
    recipe_digest: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    claimed_by: int | None = None


def find_matches(
    session: Session, collection: str, paths: Sequence[str], recipe_digest: str
) -> dict[str, list[LedgerMatch]]:
    """Return the contents that each path has had, oldest first; unknown paths are left out.

    Args:
        recipe_digest: of the recipe for which claims are looked up.
    """
    found: dict[str, list[LedgerMatch]] = defaultdict(list)
    for page in pages(paths):
        here = (Scan.collection == collection, Scan.path.in_(page))
        # Columns, not whole rows: an inbox of a million finished files is asked about, and figures are large.
        outcomes = select(Scan.path, *DONE).join(OutcomeRow, OutcomeRow.scan_id == Scan.id).where(*here)
        ordered = session.execute(outcomes.order_by(OutcomeRow.recorded, OutcomeRow.id))
        latest: dict[str, Sequence[Any]] = {path: done for path, *done in ordered}
        recipes = _recipes(session, {batch_id for *_, batch_id in latest.values()})
        current = (Claim.scan_id == Scan.id) & (Claim.recipe_digest == recipe_digest) & (Claim.expires > now())
        scans = select(Scan.path, Scan.id, Scan.sha256, Scan.fingerprint, Claim.batch_id).outerjoin(Claim, current)
        for path, scan_id, sha256, fingerprint, claimed_by in session.execute(scans.where(*here).order_by(Scan.id)):
            match = LedgerMatch(scan_id, sha256, fingerprint, claimed_by=claimed_by)
            done_id, outcome, mask_given, made_with, batch_id = latest.get(path, (None,) * len(DONE))
            if done_id == scan_id:
                done = {"outcome": outcome, "mask_given": mask_given, "recipe_digest": made_with}
                match = replace(match, **done, recipe=recipes[batch_id])
            found[path].append(match)
    return dict(found)


def _recipes(session: Session, ids: Set[int]) -> dict[int, Mapping[str, Any]]:
    """Return the recipes of some batches, by batch."""
    return dict(session.execute(select(Batch.id, Batch.recipe).where(Batch.id.in_(ids))).tuples().all())


def record(session: Session, scan: Scan) -> int:
    """Write a scan, or update fingerprint and header of a known one; return its id.

    Of the contents of one path only the current one keeps its fingerprint.
    """
    values = {
        "fingerprint": scan.fingerprint,
        "format": scan.format or "",
        "width": scan.width or 0,
        "height": scan.height or 0,
        "channels": scan.channels or 0,
        "bit_depth": scan.bit_depth or 0,
    }
    unique = {"collection": scan.collection, "path": scan.path, "sha256": scan.sha256}
    statement = insert(session, Scan).values(**unique, **values, bytes=scan.bytes, first_seen=now())
    statement = statement.on_conflict_do_update(index_elements=list(unique), set_=values)
    scan_id = session.execute(statement.returning(Scan.id)).scalar_one()
    session.execute(
        update(Scan)
        .where(Scan.collection == scan.collection, Scan.path == scan.path, Scan.id != scan_id)
        .values(fingerprint="")
    )
    return int(scan_id)


def find_duplicate(
    session: Session, collection: str, sha256: str, recipe_digest: str
) -> tuple[Scan, OutcomeRow] | None:
    """Return a finished scan of the same bytes, made without companion files, with its outcome; None without one."""
    row = session.execute(
        select(Scan, OutcomeRow)
        .join(OutcomeRow, OutcomeRow.scan_id == Scan.id)
        .where(
            Scan.collection == collection,
            Scan.sha256 == sha256,
            OutcomeRow.recipe_digest == recipe_digest,
            OutcomeRow.outcome.in_([Outcome.RESTORED, Outcome.UNCHANGED, Outcome.REVIEW]),
            OutcomeRow.mask_given == "",
            # What a person rejected is not published again under another name.
            ~select(Review.id)
            .where(
                Review.scan_id == OutcomeRow.scan_id,
                Review.recipe_digest == OutcomeRow.recipe_digest,
                Review.state == ReviewState.REJECTED,
            )
            .exists(),
        )
        .order_by(OutcomeRow.id)
        .limit(1)
    ).first()
    return None if row is None else (row[0], row[1])
