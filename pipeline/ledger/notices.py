"""Record notices sent to people besides the digests, so that each is sent once."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, now
from pipeline.ledger.tables import Notice

SENDING, SENT, REFUSED, UNSENT = "sending", "sent", "refused", "unsent"


def begin(session: Session, collection: str, subject: str, message: str) -> bool:
    """Return whether to send a notice now: it is new, or sending it was refused before.

    A notice whose sender died counts as sent, because it may have arrived.
    """
    values = {"collection": collection, "subject": subject, "message": message, "state": SENDING, "at": now()}
    statement = insert(session, Notice).values(**values)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["collection", "subject"],
        set_={"message": new.message, "state": new.state, "at": new.at},
        where=or_(Notice.state == REFUSED, Notice.state == UNSENT),
    )
    return session.execute(statement.returning(Notice.id)).first() is not None


def end(session: Session, collection: str, subject: str, state: str) -> None:
    """Record the result: `sent`, `refused`, or `unsent` where nobody is configured to receive it."""
    session.execute(
        update(Notice).where(Notice.collection == collection, Notice.subject == subject).values(state=state, at=now())
    )


def message(session: Session, collection: str, subject: str) -> str:
    """Return the message of a notice, empty when there is none."""
    found = select(Notice.message).where(Notice.collection == collection, Notice.subject == subject)
    return session.scalars(found).first() or ""
