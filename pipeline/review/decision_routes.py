"""Decisions: accept, reject, later, undo, and what was painted."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import StoreUnavailable
from pipeline.escape import error_line
from pipeline.ledger.database import Ledger
from pipeline.ledger.decisions import Verdict
from pipeline.review.access import Access, Right, User, require
from pipeline.review.decide import decide
from pipeline.review.painted_mask import paint_mask
from pipeline.review.queue_routes import summary
from pipeline.review.redo import Redo
from pipeline.review.strokes import Painting


class Wanted(BaseModel):
    """A decision about what was seen at a version."""

    model_config = ConfigDict(extra="forbid")

    version: int
    verdict: Literal["accept", "reject", "later", "undo"]
    note: str = Field("", max_length=2000)


class Repaint(BaseModel):
    """A mask to be filled, made by a person."""

    model_config = ConfigDict(extra="forbid")

    version: int
    painting: Painting
    note: str = Field("", max_length=2000)


def routes(access: Access, ledger: Ledger, redo: Redo) -> APIRouter:
    """Return the routes that decide."""
    router = APIRouter(prefix="/api/results/{result}")
    decider, operator = Depends(require(access, Right.DECIDE)), Depends(require(access, Right.OPERATE))

    @router.post("/decision")
    def decision(result: int, wanted: Wanted, user: User = decider) -> dict[str, Any]:
        """Record a decision; 409 when somebody decided meanwhile."""
        return summary(decide(ledger, result, wanted.version, Verdict(wanted.verdict), user, note=wanted.note))

    @router.post("/painting")
    def painting(result: int, wanted: Repaint, user: User = operator) -> dict[str, Any]:
        """Keep a person's mask, and start the run that fills it."""
        painted = paint_mask(ledger, result, wanted.painting, user)
        entry = decide(
            ledger, result, wanted.version, Verdict.REPAINT, user, note=wanted.note, write_mask=painted.write
        )
        try:
            redo.start(entry.review.collection, entry.scan.path, user)
        except Exception as error:
            # Nothing would ever fill it: the result is open again, and the person is told.
            reason = error_line(error, 300)
            decide(ledger, result, entry.review.version, Verdict.UNDO, user, note=reason)
            raise StoreUnavailable(f"the run could not be started: {reason}") from error
        return summary(entry)

    return router
