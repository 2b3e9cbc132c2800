"""Record decisions of people about scans in review."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.ledger.outcome import Outcome
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Decision, OutcomeRow, Scan


class Verdict(StrEnum):
    """What a reviewer can decide."""

    ACCEPT = "accept"
    REJECT = "reject"
    REPAINT = "repaint"
    REDO = "redo"


def decide(
    session: Session,
    *,
    scan_id: int,
    recipe_digest: str,
    verdict: Verdict,
    by: str,
    note: str = "",
    mask_uri: str = "",
) -> int:
    """Write a decision and return its id; earlier decisions are kept."""
    decision = Decision(
        scan_id=scan_id,
        recipe_digest=recipe_digest,
        decision=str(verdict),
        by=by,
        note=note,
        mask_uri=mask_uri,
        at=now(),
    )
    session.add(decision)
    session.flush()
    return decision.id


def waiting(session: Session, collection: str) -> Sequence[tuple[Scan, OutcomeRow]]:
    """Return the scans in review that have no decision yet, by path."""
    decided = select(Decision.id).where(
        Decision.scan_id == OutcomeRow.scan_id, Decision.recipe_digest == OutcomeRow.recipe_digest
    )
    rows = session.execute(
        select(Scan, OutcomeRow)
        .join(OutcomeRow, OutcomeRow.scan_id == Scan.id)
        .where(Scan.collection == collection, OutcomeRow.outcome == Outcome.REVIEW, ~decided.exists())
        .order_by(Scan.path)
    )
    return [(scan, outcome) for scan, outcome in rows]
