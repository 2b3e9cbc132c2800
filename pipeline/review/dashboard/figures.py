"""Put together what the dashboard shows: what is broken, and how each collection stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from pipeline.escape import one_line
from pipeline.ledger import Outcome, overview, samples, usage
from pipeline.ledger.batches import UNFINISHED, BatchState
from pipeline.ledger.overview import Reviewed
from pipeline.ledger.processes import has_ended
from pipeline.ledger.reviews import ReviewState
from pipeline.ledger.samples import AuditFigures
from pipeline.ledger.tables import Batch, Notice
from pipeline.metrics.proportion_interval import proportion_interval
from pipeline.reports.recorded_sentences import translate
from pipeline.review.installation import FailedTask, Installation, RunState
from pipeline.settings import Collection
from pipeline.stages.audit import CLEAN_TO_REDUCED, level_of

DAYS = 30
"""Days of which outcomes are shown."""
# How long a notice stands that names no batch: each is sent again while its cause lasts, but a silence is told once.
STANDS = {"late": timedelta(hours=36), "unreachable": timedelta(hours=36), "silent": timedelta(days=7)}
STANDS |= {"fixity": timedelta(days=7)}
OF_A_BATCH = ("waiting", "stopped")
MOST_LINES = 20


@dataclass(frozen=True)
class Trouble:
    """Something that is broken, or waits for somebody.

    Attributes:
        kind: a phrase of the catalogues, below `trouble.`.
        detail: in words, empty where the kind says all.
        address: where to look, relative to the application; empty where there is nothing to open.
    """

    kind: str
    collection: str = ""
    detail: str = ""
    at: datetime | None = None
    address: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as the page wants it."""
        at = self.at.isoformat() if self.at else None
        return {"kind": self.kind, "collection": self.collection, "detail": self.detail, "at": at} | {
            "address": self.address
        }


def dashboard(session: Session, installation: Installation, language: str, now: datetime) -> dict[str, Any]:
    """Return everything that the dashboard shows.

    Args:
        language: of sentences that were recorded.
        now: with a time zone.
    """
    in_force = installation.collections()
    configured = {one.name: one for one in in_force.collections}
    runs, failed = installation.runs(), installation.failed_tasks()
    found = overview.recent_batches(session, now - timedelta(days=DAYS))
    batches: dict[str, list[Batch]] = defaultdict(list)
    for one in found:
        batches[one.collection].append(one)
    under_way = {one.batch.id: one.done for one in overview.progress(session, found)}
    reviewed, audits = overview.reviewed(session), samples.all_figures(session)
    used = {one.collection: one for one in usage.known(session)}
    names = sorted({*configured, *batches, *reviewed})
    notices = overview.recent_notices(session, now - max(STANDS.values()))
    troubles = [Trouble("collections", detail=one_line(line, 500)) for line in in_force.problems]
    troubles += [_of_notice(one, batches, installation, language) for one in notices if _stands(one, batches, now)]
    for name in names:
        troubles += _of_batches(name, batches[name], installation)
        troubles += _of_runs(name, configured.get(name), runs.get(name), failed)
    return {
        "scheduler": installation.has_scheduler,
        "days": DAYS,
        "troubles": [one.told() for one in troubles[:MOST_LINES]],
        "more_troubles": max(0, len(troubles) - MOST_LINES),
        "collections": [
            _settings_told(name, configured.get(name), runs.get(name))
            | _batches_told(batches[name], under_way, installation)
            | _reviewed_told(reviewed.get(name, Reviewed()))
            | {
                "audit": _audit_told(session, name, audits.get(name, AuditFigures())),
                "over_time": _over_time(batches[name], configured.get(name), now),
                "usage": {"files": used[name].files, "bytes": used[name].bytes, "at": used[name].at.isoformat()}
                if name in used
                else None,
            }
            for name in names
        ],
        "failures": [
            {"collection": one.collection, "task": one.task, "at": one.at.isoformat(), "log": one.log}
            for one in failed[:MOST_LINES]
        ],
    }


def _settings_told(name: str, collection: Collection | None, run: RunState | None) -> dict[str, Any]:
    """Return what the collections file and the scheduler say."""
    told: dict[str, Any] = {"name": name, "title": name, "configured": collection is not None}
    told |= {"inbox": "", "watch": None, "schedule": None, "timezone": "UTC"}
    if collection is not None:
        watch = collection.watch
        told |= {"title": collection.label, "inbox": collection.inbox, "schedule": collection.schedule}
        told["timezone"] = collection.timezone
        if watch is not None:
            told["watch"] = {"settle": watch.settle, "marker": watch.marker, "queue": watch.queue is not None}
    told["paused"] = run.paused if run else None
    told["next_run"] = run.next_run.isoformat() if run and run.next_run and not run.paused else None
    return told


def _batches_told(found: Sequence[Batch], under_way: dict[int, int], installation: Installation) -> dict[str, Any]:
    """Return the last batch, and the backlog: scans received without an outcome, and whether the inbox holds more."""
    last = found[0] if found else None
    waiting = sum(max(0, one.received - under_way[one.id]) for one in found if one.id in under_way)
    told: dict[str, Any] = {"last": None, "backlog": {"scans": waiting, "more": bool(last and last.more)}}
    if last is not None:
        told["last"] = {
            "id": last.id,
            "name": last.name,
            "state": last.state,
            "received": last.received,
            "done": under_way.get(last.id, last.received),
            "started": last.started.isoformat(),
            "finished": last.finished.isoformat() if last.finished else None,
            "address": installation.run_address(last.dag_id, last.run_id) if last.run_id else "",
        }
    return told


def _reviewed_told(found: Reviewed) -> dict[str, Any]:
    decided = (ReviewState.ACCEPTED, ReviewState.REJECTED, ReviewState.REDO)
    return {
        "results": found.results,
        "marks": {
            "open": found.marks.get(ReviewState.OPEN, 0) + found.marks.get(ReviewState.LATER, 0),
            "decided": sum(found.marks.get(state, 0) for state in decided),
        },
    }


def _audit_told(session: Session, collection: str, found: AuditFigures) -> dict[str, Any]:
    low, high = proportion_interval(found.false, found.decided)
    level = level_of(samples.judged_batches(session, collection, CLEAN_TO_REDUCED))
    told = {"drawn": found.drawn, "decided": found.decided, "false": found.false}
    return told | {"low": low, "high": high, "level": str(level)}


def _over_time(found: Iterable[Batch], collection: Collection | None, now: datetime) -> list[dict[str, Any]]:
    """Return counts of outcomes and hours of work of each of the last `DAYS` days, in the collection's time zone."""
    zone = ZoneInfo(collection.timezone) if collection else UTC
    today = now.astimezone(zone).date()
    days: dict[str, dict[str, Any]] = {
        str(today - timedelta(days=back)): dict.fromkeys((*map(str, Outcome), "hours"), 0) for back in range(DAYS)
    }
    for batch in found:
        if batch.finished is None or (day := str(batch.finished.astimezone(zone).date())) not in days:
            continue
        for outcome in map(str, Outcome):
            days[day][outcome] += int(batch.counts.get(outcome, 0))
        days[day]["hours"] += batch.work_seconds / 3600
    return [{"day": day} | counts for day, counts in sorted(days.items())]


def _stands(notice: Notice, batches: dict[str, list[Batch]], now: datetime) -> bool:
    """Return whether what a notice said still holds, as far as the ledger knows."""
    kind, _, subject = notice.subject.partition(" ")
    if kind in OF_A_BATCH:
        newest = batches[notice.collection][:1]
        return any(one.name == subject and one.state != BatchState.DONE for one in newest)
    return now - notice.at <= STANDS.get(kind, timedelta())


def _of_notice(notice: Notice, batches: dict[str, list[Batch]], installation: Installation, language: str) -> Trouble:
    kind, _, subject = notice.subject.partition(" ")
    batch = next((one for one in batches[notice.collection] if one.name == subject), None)
    address = installation.run_address(batch.dag_id, batch.run_id) if batch is not None and batch.run_id else ""
    return Trouble(kind, notice.collection, translate(notice.message, language), notice.at, address)


def _of_batches(collection: str, found: Sequence[Batch], installation: Installation) -> list[Trouble]:
    """Return what is wrong with the last batch of a collection."""
    if not found:
        return []
    last = found[0]
    at = last.finished or last.started
    address = installation.run_address(last.dag_id, last.run_id) if last.run_id else ""
    if last.state == BatchState.ABANDONED or (last.state in UNFINISHED and last.owner and has_ended(last.owner)):
        return [Trouble("abandoned", collection, last.name, at, address)]
    count = int(last.counts.get(str(Outcome.FAILED), 0))
    return [Trouble("failed", collection, f"{count}", at, address)] if count else []


def _of_runs(
    collection: str, settings: Collection | None, run: RunState | None, failed: Sequence[FailedTask]
) -> list[Trouble]:
    """Return what the scheduler says of a collection."""
    if settings is None:
        return []
    mine = [one for one in failed if one.collection == collection]
    troubles = [Trouble("task", collection, one.task, one.at, one.log) for one in mine if one.in_last_run]
    if run is not None and run.paused:
        troubles.append(Trouble("paused", collection))
    return troubles
