"""Claims: two runs on one collection share its work and never double it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import Claim

# A run renews its claims with every piece of work; one that was silent for so long is dead and its work is taken over.
TIME_TO_LIVE = timedelta(minutes=30)
# Renewing costs a write: not more often than this.
RENEW_EVERY = timedelta(minutes=1)


def take(session: Session, batch_id: int, recipe_digest: str, scan_ids: Sequence[int]) -> set[int]:
    """Return those of the scans that the batch now holds: free ones, its own, and those whose claim has expired."""
    moment = now()
    taken: set[int] = set()
    for page in pages(sorted(scan_ids)):
        statement = insert(session, Claim).values(
            [
                {
                    "scan_id": scan_id,
                    "recipe_digest": recipe_digest,
                    "batch_id": batch_id,
                    "expires": moment + TIME_TO_LIVE,
                }
                for scan_id in page
            ]
        )
        statement = statement.on_conflict_do_update(
            index_elements=["scan_id", "recipe_digest"],
            set_={"batch_id": statement.excluded.batch_id, "expires": statement.excluded.expires},
            where=or_(Claim.batch_id == batch_id, Claim.expires < moment),
        )
        taken.update(session.execute(statement.returning(Claim.scan_id)).scalars())
    return taken


def renew(session: Session, batch_id: int) -> None:
    """Keep a batch's claims for another while."""
    session.execute(update(Claim).where(Claim.batch_id == batch_id).values(expires=now() + TIME_TO_LIVE))


def release(session: Session, batch_id: int, scan_ids: Sequence[int] | None = None) -> None:
    """Give up claims of a batch: those on some scans, or all."""
    if scan_ids is None:
        session.execute(delete(Claim).where(Claim.batch_id == batch_id))
        return
    for page in pages(scan_ids):
        session.execute(delete(Claim).where(Claim.batch_id == batch_id, Claim.scan_id.in_(page)))
