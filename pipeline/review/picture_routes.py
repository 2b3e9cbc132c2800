"""One picture: its figures and history, its tiles, and the marks on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response

from pipeline import storage
from pipeline.imaging.tile_levels import TILE, levels_of
from pipeline.ledger import decisions, history
from pipeline.ledger.database import Ledger
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.ledger.tables import Decision, Event
from pipeline.reports.recorded_sentences import translate
from pipeline.review.access import Access, Right, require
from pipeline.review.decisions.decide import find_entry, replaced
from pipeline.review.decisions.redo import Redo
from pipeline.review.painting.snap_result import snap_on
from pipeline.review.painting.strokes import Stroke
from pipeline.review.phrases import language_of, say_term
from pipeline.review.pictures.marks import flat_runs, open_marks
from pipeline.review.pictures.sources import Source, source_of
from pipeline.review.pictures.tiles import Picture, TileStore
from pipeline.review.queue_routes import summary
from pipeline.stages.previews import first_level_uri, thumb_uri

TOLD = ("source", "note", "coverage", "kinds", "held_back")
"""What is told of a mask."""
Number = Annotated[int, Path(ge=0)]
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
    def picture(request: Request, result: int) -> Response:
        """Return everything about a result, in the reader's language; its tiles are made meanwhile."""
        language = language_of(request)
        with ledger.read() as session:
            entry = find_entry(session, result)
            events = history.events_of(session, entry.scan)
            standing = decisions.standing_of_scan(session, entry.scan.id)
        source = source_of(entry)
        waits = entry.review.state == ReviewState.REDO
        problem = redo.problem(entry.review.collection, entry.scan.path) if waits else None
        # The restored picture lies on top: it is looked at first.
        tiles.prepare(*(_picture(entry, source, which) for which in _shown(source)))
        document = summary(entry, language) | {
            "width": source.width,
            "height": source.height,
            "tile": TILE,
            "levels": levels_of(source.width, source.height),
            "shown": {which: _picture(entry, source, which).sha256 for which in _shown(source)},
            "problem": problem.text if problem else "",
            "problem_log": problem.address if problem else "",
            "disclosure": source.sidecar["disclosure"],
            "metrics": source.sidecar["metrics"],
            "engine": source.sidecar["engine"],
            "mask": _mask(source, language),
            "replaces": _replaced(standing, source.seen),
            "history": _history(events, language),
        }
        # As they are: thousands of numbers that are looked through for what is to be converted cost more than the rest.
        return JSONResponse(document)

    @router.get("/marks")
    def marks(result: int) -> Response:
        """Return the open marks as runs, how many there are altogether, and what was filled."""
        source = source_of(find(result))
        found = [vars(mark) for mark in open_marks(source)]
        filled = flat_runs(*source.filled().all_runs())
        return JSONResponse({"marks": found, "all": len(source.open()), "filled": filled})

    @router.get("/tiles/{which}/{level}/{column}_{row}.jpg")
    def tile(
        result: int,
        which: Which,
        level: Number,
        column: Number,
        row: Number,
    ) -> Response:
        """Return a tile; level 0 is the picture at its own size."""
        entry = find(result)
        return _jpeg(entry, source_of(entry), which, f"{level}/{column}_{row}.jpg")

    @router.get("/thumb.jpg")
    def thumb(result: int) -> Response:
        """Return a small picture with its marks, as the run that made the result left it."""
        entry = find(result)
        try:
            small = storage.read_bytes(thumb_uri(entry.output, entry.stem))
        except FileNotFoundError:
            # A result of an earlier version has none.
            return _jpeg(entry, source_of(entry), "original", "thumb.jpg")
        return Response(small, media_type="image/jpeg", headers=HOUR)

    @router.post("/snap")
    def snap(result: int, stroke: Stroke) -> dict[str, Any]:
        """Return the mark under a rough stroke, as runs; nothing is changed."""
        entry = find(result)
        source = source_of(entry)
        return {"runs": snap_on(tiles, _picture(entry, source, "original"), source, stroke)}

    def _jpeg(entry: QueueEntry, source: Source, which: Which, name: str) -> Response:
        if which not in _shown(source):
            raise LookupError(f"there is no {which}")
        try:
            data = tiles.read(_picture(entry, source, which), name)
        except KeyError as error:
            raise LookupError(f"there is no tile {name}") from error
        return Response(data, media_type="image/jpeg", headers=FOREVER)

    return router


def _mask(source: Source, language: str) -> dict[str, Any]:
    """Return what is told of a mask, its note in a language."""
    told = {key: source.sidecar["mask"].get(key) for key in TOLD}
    return told | {"note": translate(told["note"] or "", language)}


def _shown(source: Source) -> tuple[Which, ...]:
    return ("original", "restored") if source.restored_uri else ("original",)


def _picture(entry: QueueEntry, source: Source, which: Which) -> Picture:
    """Return what is shown."""
    preview = first_level_uri(entry.output, entry.stem, which)
    size = (source.width, source.height)
    if which == "original":
        return Picture(source.original_uri, source.original_sha256, size, preview, source.orientation)
    return Picture(source.restored_uri, source.restored_sha256, size, preview, source.orientation)


def _replaced(standing: Sequence[Decision], seen: str) -> dict[str, str] | None:
    """Return whose mask was filled in a result, and the sha256 of the one before; None where no person's was."""
    decision = replaced(standing, seen)
    if decision is None:
        return None
    return {"name": decision.by_name or decision.by, "at": decision.at.isoformat(), "seen": decision.seen}


def _history(events: Sequence[Event], language: str) -> list[dict[str, str]]:
    """Return what happened to a scan, oldest first, in a language."""
    return [
        {
            "at": one.at.isoformat(),
            "what": say_term(language, "event", one.kind),
            "decision": say_term(language, "done", one.decision),
            "name": str(one.figures.get("name", "")) if one.stage in ("review", history.UPLOAD) else "",
            "message": translate(one.message, language),
        }
        for one in events
        if one.kind
    ]
