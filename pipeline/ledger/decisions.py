"""Record decisions of people about results; nothing recorded is changed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.ledger.rows import now
from pipeline.ledger.tables import Decision, Review


class Verdict(StrEnum):
    """What a person can decide about a result.

    Attributes:
        ACCEPT: keep it.
        REJECT: withdraw the derivative.
        LATER: put it off.
        REPAINT: fill what the person accepted and painted.
        UNDO: take back the last decision.
    """

    ACCEPT = "accept"
    REJECT = "reject"
    LATER = "later"
    REPAINT = "repaint"
    UNDO = "undo"


def record(
    session: Session,
    review: Review,
    verdict: Verdict,
    *,
    by: str,
    by_name: str,
    seen: str,
    previous: str,
    note: str = "",
    mask_uri: str = "",
) -> Decision:
    """Write a decision and return it.

    Args:
        by, by_name: id and name of the user.
        seen: sha256 of what was looked at.
        previous: state of the review before, to which taking the decision back returns.
        mask_uri: of what was accepted and painted.
    """
    decision = Decision(
        scan_id=review.scan_id,
        recipe_digest=review.recipe_digest,
        decision=str(verdict),
        by=by,
        by_name=by_name,
        seen=seen,
        previous=previous,
        note=note,
        mask_uri=mask_uri,
        at=now(),
    )
    session.add(decision)
    session.flush()
    return decision


def standing(decisions: Sequence[Decision]) -> list[Decision]:
    """Return the decisions that were not taken back.

    Args:
        decisions: about one result, oldest first.
    """
    found: list[Decision] = []
    for one in decisions:
        if one.decision == Verdict.UNDO:
            del found[-1:]
        else:
            found.append(one)
    return found


def standing_of_scan(session: Session, scan_id: int) -> list[Decision]:
    """Return the decisions about all results of a scan that were not taken back, oldest first."""
    found: dict[str, list[Decision]] = {}
    for one in session.scalars(select(Decision).where(Decision.scan_id == scan_id).order_by(Decision.id)):
        found.setdefault(one.recipe_digest, []).append(one)
    return sorted((one for those in found.values() for one in standing(those)), key=lambda one: one.id)


def last_standing(decisions: Sequence[Decision]) -> Decision | None:
    """Return the last decision that was not taken back, None without one."""
    found = standing(decisions)
    return found[-1] if found else None


def standing_verdict(decisions: Sequence[Decision]) -> Decision | None:
    """Return the last decision to keep or to withdraw a result that was not taken back, None without one."""
    kept = [one for one in standing(decisions) if one.decision in (Verdict.ACCEPT, Verdict.REJECT)]
    return kept[-1] if kept else None
