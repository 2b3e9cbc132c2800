"""Decisions: accept, reject, later, undo, and what was painted."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from pipeline.escape import error_line
from pipeline.ledger.database import Ledger
from pipeline.ledger.decisions import Verdict
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.review.access import Access, Right, User, require
from pipeline.review.decisions.decide import decide, find_entry, standing_mask
from pipeline.review.decisions.decided_masks import make_current
from pipeline.review.decisions.redo import Redo
from pipeline.review.painting.paint_mask import paint_mask
from pipeline.review.painting.strokes import Painting
from pipeline.review.phrases import language_of
from pipeline.review.queue_routes import summary
from pipeline.review.refusals import DecidedMeanwhile, NotStarted, Refusal


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


class Again(BaseModel):
    """A run that is wanted again, for what was seen at a version."""

    model_config = ConfigDict(extra="forbid")

    version: int


def routes(access: Access, ledger: Ledger, redo: Redo) -> APIRouter:
    """Return the routes that decide."""
    router = APIRouter(prefix="/api/results/{result}")
    decider, operator = Depends(require(access, Right.DECIDE)), Depends(require(access, Right.OPERATE))

    def find(result: int) -> QueueEntry:
        with ledger.read() as session:
            return find_entry(session, result)

    @router.post("/decision")
    def decision(request: Request, result: int, wanted: Wanted, user: User = decider) -> dict[str, Any]:
        """Record a decision; 409 when somebody decided meanwhile."""
        entry = decide(ledger, result, wanted.version, Verdict(wanted.verdict), user, note=wanted.note)
        return summary(entry, language_of(request))

    @router.post("/painting")
    def painting(request: Request, result: int, wanted: Repaint, user: User = operator) -> dict[str, Any]:
        """Keep a person's mask, and start the run that fills it."""
        painted = paint_mask(find(result), wanted.painting, user)
        entry = decide(
            ledger, result, wanted.version, Verdict.REPAINT, user, note=wanted.note, mask=painted.data,
            erases=painted.erases,
        )  # fmt: skip
        try:
            redo.start(entry.review.collection, entry.scan.path, user)
        except Exception as error:
            # Nothing would ever fill it: the result is open again, and the person is told.
            reason = _said(error, language_of(request))
            undone = decide(ledger, result, entry.review.version, Verdict.UNDO, user, note=reason)
            # With it the person can try again, and what was painted is not lost.
            raise NotStarted("not_started", detail=reason, version=undone.review.version) from error
        return summary(entry, language_of(request))

    @router.post("/again")
    def again(request: Request, result: int, wanted: Again, user: User = operator) -> dict[str, Any]:
        """Start the run that fills a person's mask once more, as after one that failed."""
        entry = find(result)
        if entry.review.version != wanted.version or entry.review.state != ReviewState.REDO:
            raise DecidedMeanwhile("done_again")
        with ledger.read() as session:
            mask = standing_mask(session, entry)
        make_current(entry.output, entry.scan.path, mask)
        try:
            redo.start(entry.review.collection, entry.scan.path, user)
        except Exception as error:
            raise NotStarted("not_started", detail=_said(error, language_of(request))) from error
        return summary(entry, language_of(request))

    return router


def _said(error: Exception, language: str) -> str:
    """Return in one line why a run could not be started."""
    return error.said(language) if isinstance(error, Refusal) else error_line(error, 300)
