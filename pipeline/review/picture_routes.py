"""One picture: its figures and history, its tiles, and the marks on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from pipeline import storage
from pipeline.ledger import decisions, history
from pipeline.ledger.database import Ledger
from pipeline.ledger.reviews import QueueEntry
from pipeline.ledger.tables import Batch, Decision
from pipeline.reports.recorded_sentences import translate
from pipeline.review.access import Access, Right, require
from pipeline.review.decide import find_entry, replaced
from pipeline.review.marks import flat_runs, open_marks, runs_of
from pipeline.review.phrases import language_of, say_term
from pipeline.review.pyramid import TILE, levels_of
from pipeline.review.queue_routes import summary
from pipeline.review.redo import Redo
from pipeline.review.snap import snap_stroke, stroke_box
from pipeline.review.sources import Source, source_of
from pipeline.review.strokes import Stroke
from pipeline.review.tiles import TileStore
from pipeline.review.window import grey_window
from pipeline.stages.previews import thumb_uri

TOLD = ("source", "note", "coverage", "kinds", "held_back")
"""What is told of a mask."""
Number = Annotated[int, Path(ge=0)]
MOST_SNAPPED, WIDEST_SNAPPED = 4_000_000, 60.0
"""Pixels around a stroke, and width of the brush, above which a stroke is not snapped."""
Which = Literal["original", "restored"]
# A picture's tiles are those of one content: what a browser has kept stays right.
HOUR = {"Cache-Control": "private, max-age=3600"}
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


def routes(access: Access, ledger: Ledger, tiles: TileStore, redo: Redo) -> APIRouter:
    """Return the routes of a picture."""
    router = APIRouter(prefix="/api/results/{result}", dependencies=[Depends(require(access, Right.VIEW))])

    def find(result: int) -> QueueEntry:
        with ledger.read() as session:
            return find_entry(session, result)

    @router.get("")
    def picture(request: Request, result: int) -> dict[str, Any]:
        """Return everything about a result, in the reader's language; its tiles are made meanwhile."""
        language = language_of(request)
        entry = find(result)
        source = source_of(entry)
        for which in _shown(source):
            tiles.prepare(*_file(source, which))
        with ledger.read() as session:
            told = history.history(session, entry.scan)
        return summary(entry, language) | {
            "width": source.width,
            "height": source.height,
            "tile": TILE,
            "levels": levels_of(source.width, source.height),
            "shown": {which: _file(source, which)[1] for which in _shown(source)},
            "problem": redo.problem(entry.review.collection, entry.scan.path),
            "disclosure": source.sidecar["disclosure"],
            "metrics": source.sidecar["metrics"],
            "engine": source.sidecar["engine"],
            "mask": {key: source.sidecar["mask"].get(key) for key in TOLD},
            "replaces": _replaced(told.decisions, entry, source.seen),
            "history": _history(told, language),
        }

    @router.get("/marks")
    def marks(result: int) -> dict[str, Any]:
        """Return the open marks, and what was filled, as runs."""
        source = source_of(find(result))
        return {
            "marks": [asdict(mark) for mark in open_marks(source)],
            "filled": flat_runs(*source.filled().all_runs()),
        }

    @router.get("/tiles/{which}/{level}/{column}_{row}.jpg")
    def tile(
        result: int,
        which: Which,
        level: Number,
        column: Number,
        row: Number,
    ) -> Response:
        """Return a tile; level 0 is the picture at its own size."""
        return _jpeg(source_of(find(result)), which, f"{level}/{column}_{row}.jpg")

    @router.get("/thumb.jpg")
    def thumb(result: int) -> Response:
        """Return a small picture with its marks, as the run that made the result left it."""
        entry = find(result)
        with ledger.read() as session:
            output = session.get_one(Batch, entry.review.batch_id).output
        try:
            return Response(storage.read_bytes(thumb_uri(output, entry.stem)), media_type="image/jpeg", headers=HOUR)
        except FileNotFoundError:
            # A result of an earlier version has none.
            return _jpeg(source_of(entry), "original", "thumb.jpg")

    @router.post("/snap")
    def snap(result: int, stroke: Stroke) -> dict[str, Any]:
        """Return the mark under a rough stroke, as runs; nothing is changed."""
        source = source_of(find(result))
        left, top, right, bottom = stroke_box(stroke.points, stroke.width, (source.width, source.height))
        pixels = (right - left) * (bottom - top)
        if right <= left or bottom <= top or pixels > MOST_SNAPPED or stroke.width > WIDEST_SNAPPED:
            # Too much to search while a person waits: the page keeps the stroke as it was drawn.
            return {"runs": []}
        crop = grey_window(tiles, *_file(source, "original"), (left, top, right, bottom))
        suspected = source.open().window((left, top, right - left, bottom - top))
        snapped = snap_stroke(crop, stroke.points, stroke.width, suspected=suspected, offset=(left, top))
        runs = runs_of(snapped.mask)
        for index in range(0, len(runs), 3):
            runs[index : index + 3] = [runs[index] + top, runs[index + 1] + left, runs[index + 2] + left]
        return {"runs": runs}

    def _jpeg(source: Source, which: Which, name: str) -> Response:
        if which not in _shown(source):
            raise LookupError(f"there is no {which}")
        try:
            return Response(tiles.read(*_file(source, which), name), media_type="image/jpeg", headers=FOREVER)
        except KeyError as error:
            raise LookupError(f"there is no tile {name}") from error

    return router


def _shown(source: Source) -> tuple[Which, ...]:
    return ("original", "restored") if source.restored_uri else ("original",)


def _file(source: Source, which: Which) -> tuple[str, str]:
    """Return URI and sha256 of what is shown."""
    if which == "original":
        return source.original_uri, source.original_sha256
    return source.restored_uri, source.restored_sha256


def _replaced(found: Sequence[Decision], entry: QueueEntry, seen: str) -> dict[str, str] | None:
    """Return whose mask was filled in a result, and the sha256 of the one before; None where no person's was."""
    here = [one for one in found if one.recipe_digest == entry.review.recipe_digest]
    decision = replaced(decisions.standing(here), seen)
    if decision is None:
        return None
    return {"name": decision.by_name or decision.by, "at": decision.at.isoformat(), "seen": decision.seen}


def _history(told: history.History, language: str) -> list[dict[str, str]]:
    """Return what happened to a scan, oldest first, in a language."""
    return [
        {
            "at": one.at.isoformat(),
            "what": say_term(language, "event", one.kind),
            "decision": say_term(language, "done", one.decision),
            "name": str(one.figures.get("name", "")) if one.stage == "review" else "",
            "message": translate(one.message, language),
        }
        for one in told.events
        if one.kind
    ]
