"""Claim scans for a batch, so that two runs on one collection share its work and never do it twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import Claim

# A run renews its claims as it works; claims that were not renewed for so long are free for others.
TIME_TO_LIVE = timedelta(minutes=30)
# Renewing is a write, so it is done at most this often.
RENEW_EVERY = timedelta(minutes=1)


def take(session: Session, batch_id: int, recipe_digest: str, scan_ids: Sequence[int]) -> set[int]:
    """Claim scans that are free, already the batch's own, or whose claim has expired; return those it holds now."""
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
    """Extend a batch's claims to TIME_TO_LIVE from now, but for those that were extended within RENEW_EVERY.

    Claims that another task of the batch is just extending or releasing are left to it: tasks that waited for each
    other's rows, which a database updates in any order, would deadlock.
    """
    expires = now() + TIME_TO_LIVE
    due = (
        select(Claim.scan_id)
        .where(Claim.batch_id == batch_id, Claim.expires < expires - RENEW_EVERY)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Claim)
        .where(Claim.batch_id == batch_id, Claim.scan_id.in_(due))
        .values(expires=expires)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, batch_id: int, scan_ids: Sequence[int] | None = None) -> None:
    """Release a batch's claims on some scans, or all of its claims."""
    if scan_ids is None:
        session.execute(delete(Claim).where(Claim.batch_id == batch_id))
        return
    for page in pages(scan_ids):
        session.execute(delete(Claim).where(Claim.batch_id == batch_id, Claim.scan_id.in_(page)))
