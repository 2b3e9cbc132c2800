"""The queue: what is to be looked at, page by page, and its order as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import func, select

from pipeline.ledger import reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.reviews import QueueEntry, QueueFilter
from pipeline.ledger.tables import Batch, Review
from pipeline.reports.recorded_sentences import translate
from pipeline.review.access import Access, Right, require
from pipeline.review.phrases import language_of

PAGE, MOST, MOST_IN_ORDER = 60, 200, 20_000
Words = Annotated[list[str] | None, Query(max_length=20)]
After = Annotated[str, Query(pattern=r"^$|^-?[0-9.e+-]+,[0-9]+$")]


def queue_filter(
    collection: str = "",
    batch: int | None = None,
    state: Words = None,
    outcome: Words = None,
    kind: Words = None,
    reason: Words = None,
    since: datetime | None = None,
    before: datetime | None = None,
    decided_by: Annotated[str, Query(max_length=200)] = "",
    text: Annotated[str, Query(max_length=5000)] = "",
) -> QueueFilter:
    """Return which results a request wants."""
    return QueueFilter(
        collection, batch, tuple(state or ()), tuple(outcome or ()), tuple(kind or ()), tuple(reason or ()),
        _aware(since), _aware(before), decided_by, text,
    )  # fmt: skip


Wanted = Annotated[QueueFilter, Depends(queue_filter)]


def routes(access: Access, ledger: Ledger) -> APIRouter:
    """Return the routes of the queue."""
    router = APIRouter(prefix="/api", dependencies=[Depends(require(access, Right.VIEW))])

    @router.get("/collections")
    def collections() -> list[dict[str, Any]]:
        """Return the collections that have results, with their batches, the newest first."""
        with ledger.read() as session:
            # A batch is one collection's, so that an index by batch counts them all.
            counted = select(Review.batch_id, func.count().label("results")).group_by(Review.batch_id).subquery()
            rows = session.execute(
                select(Batch.collection, Batch.id, Batch.name, counted.c.results)
                .join(Batch, Batch.id == counted.c.batch_id)
                .order_by(Batch.collection, Batch.id.desc())
            ).all()
        found: dict[str, list[dict[str, Any]]] = {}
        for collection, batch_id, name, count in rows:
            found.setdefault(collection, []).append({"id": batch_id, "name": name, "results": count})
        return [{"name": name, "batches": batches} for name, batches in found.items()]

    @router.get("/deciders")
    def deciders() -> list[str]:
        """Return the names of the people who have decided."""
        with ledger.read() as session:
            return reviews.deciders(session)

    @router.get("/results")
    def results(
        request: Request, wanted: Wanted, after: After = "", limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE
    ) -> dict[str, Any]:
        """Return a page of results, counts by state, and where the next page begins."""
        with ledger.read() as session:
            entries = reviews.page(session, wanted, after=_position(after), limit=limit)
            # The tabs of the other states say how many they have.
            counts = reviews.counts(session, replace(wanted, states=())) if not after else None
        last = entries[-1].review if len(entries) == limit else None
        return {
            "results": [summary(entry, language_of(request)) for entry in entries],
            "counts": counts,
            "next": f"{last.priority!r},{last.id}" if last is not None else None,
        }

    @router.get("/some")
    def some(request: Request, id: Annotated[list[int], Query(max_length=MOST)]) -> list[dict[str, Any]]:
        """Return results by their ids."""
        with ledger.read() as session:
            entries = reviews.entries(session, id)
        return [summary(entry, language_of(request)) for entry in entries]

    @router.get("/order")
    def order(wanted: Wanted, after: After = "") -> Response:
        """Return the ids of results in their order, many at a time, and where the next ones begin."""
        with ledger.read() as session:
            found = reviews.order(session, wanted, after=_position(after), limit=MOST_IN_ORDER)
        last = found[-1] if len(found) == MOST_IN_ORDER else None
        following = f"{last[0]!r},{last[1]}" if last is not None else None
        return JSONResponse({"ids": [key for _, key in found], "next": following})

    return router


def _position(after: str) -> tuple[float, int] | None:
    """Return priority and id of the last result that was shown."""
    priority, _, key = after.partition(",")
    return (float(priority), int(key)) if after else None


def _aware(moment: datetime | None) -> datetime | None:
    """Return a moment with a time zone, this machine's where it says none."""
    return moment.astimezone() if moment is not None and moment.tzinfo is None else moment


def summary(entry: QueueEntry, language: str) -> dict[str, Any]:
    """Return what the queue shows of a result; its reason in a language."""
    figures = entry.outcome.figures
    return {
        "id": entry.review.id,
        "version": entry.review.version,
        "state": entry.review.state,
        "collection": entry.review.collection,
        "batch": entry.review.batch_id,
        "path": entry.scan.path,
        "outcome": entry.outcome.outcome,
        "reason": translate(figures.get("review_reason") or entry.outcome.message, language),
        "marks": entry.review.marks,
        "audit": reviews.is_audit(entry.review),
        "kinds": [kind for kind in entry.review.kinds.split(",") if kind],
        "estimate": figures.get("psnr") or figures.get("estimate_psnr"),
        "decided_by": entry.review.decided_by,
        "decided": entry.review.decided.isoformat() if entry.review.decided else None,
        "recorded": entry.outcome.recorded.isoformat(),
    }
