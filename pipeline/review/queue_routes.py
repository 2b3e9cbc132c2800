"""The queue: what is to be looked at, page by page."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import func, select

from pipeline.ledger import reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.reviews import QueueEntry, QueueFilter
from pipeline.ledger.tables import Batch, Review
from pipeline.reports.recorded_sentences import translate
from pipeline.review.access import Access, Right, require
from pipeline.review.phrases import language_of

PAGE, MOST = 60, 200


def routes(access: Access, ledger: Ledger) -> APIRouter:
    """Return the routes of the queue."""
    router = APIRouter(prefix="/api", dependencies=[Depends(require(access, Right.VIEW))])

    @router.get("/collections")
    def collections() -> list[dict[str, Any]]:
        """Return the collections that have results, with their batches, the newest first."""
        with ledger.read() as session:
            rows = session.execute(
                select(Review.collection, Review.batch_id, Batch.name, func.count())
                .join(Batch, Batch.id == Review.batch_id)
                .group_by(Review.collection, Review.batch_id, Batch.name)
                .order_by(Review.collection, Review.batch_id.desc())
            ).all()
        found: dict[str, list[dict[str, Any]]] = {}
        for collection, batch_id, name, count in rows:
            found.setdefault(collection, []).append({"id": batch_id, "name": name, "results": count})
        return [{"name": name, "batches": batches} for name, batches in found.items()]

    @router.get("/results")
    def results(
        request: Request,
        collection: str = "",
        batch: int | None = None,
        state: Annotated[list[str] | None, Query()] = None,
        outcome: Annotated[list[str] | None, Query()] = None,
        text: Annotated[str, Query(max_length=200)] = "",
        after: Annotated[str, Query(pattern=r"^$|^-?[0-9.e+-]+,[0-9]+$")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    ) -> dict[str, Any]:
        """Return a page of results, counts by state, and where the next page begins."""
        wanted = QueueFilter(collection, batch, tuple(state or ()), tuple(outcome or ()), text)
        priority, _, key = after.partition(",")
        with ledger.read() as session:
            entries = reviews.page(session, wanted, after=(float(priority), int(key)) if after else None, limit=limit)
            counts = reviews.counts(session, QueueFilter(collection, batch)) if not after else None
        last = entries[-1].review if len(entries) == limit else None
        return {
            "results": [summary(entry, language_of(request)) for entry in entries],
            "counts": counts,
            "next": f"{last.priority!r},{last.id}" if last is not None else None,
        }

    return router


def summary(entry: QueueEntry, language: str) -> dict[str, Any]:
    """Return what the queue shows of a result; its reason in a language."""
    figures = entry.outcome.figures
    return {
        "id": entry.review.id,
        "version": entry.review.version,
        "state": entry.review.state,
        "collection": entry.review.collection,
        "path": entry.scan.path,
        "outcome": entry.outcome.outcome,
        "reason": translate(figures.get("review_reason") or entry.outcome.message, language),
        "marks": entry.review.marks,
        "audit": reviews.is_audit(entry.review),
        "estimate": figures.get("psnr") or figures.get("estimate_psnr"),
        "decided_by": entry.review.decided_by,
        "decided": entry.review.decided.isoformat() if entry.review.decided else None,
        "recorded": entry.outcome.recorded.isoformat(),
    }
