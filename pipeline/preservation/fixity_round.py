"""Check a collection's files, the longest unread first; a round that is killed goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import func, select, tuple_

from pipeline import logs, storage
from pipeline.errors import RestorationError, StoreUnavailable
from pipeline.escape import quoted
from pipeline.ledger import TaskContext, events
from pipeline.ledger.current_files import ScanFiles, as_files, current_files, current_of
from pipeline.ledger.database import Ledger
from pipeline.ledger.processes import has_ended, process_name
from pipeline.ledger.rows import insert, now
from pipeline.ledger.tables import Batch, FixityCheck, FixityRound, Publication, Scan
from pipeline.preservation.fixity import Checked, Problem, check_scan
from pipeline.preservation.fixity_counts import Found
from pipeline.preservation.pace import Pace
from pipeline.provenance import EventType, code_version
from pipeline.upkeep.outputs import Output

# Seconds, and scans, between two writes to the ledger: a killed check repeats no more than this.
SAVE_SECONDS, SAVE_SCANS = 5.0, 500
# A process on another host that has not said for so long that it works is taken to have ended.
SILENT = timedelta(minutes=15)
PAGE = 200

logger = logs.stage_logger("fixity")
Progress = Callable[[int, int], object]


class CheckUnderWay(RestorationError):
    """Another process checks the same files now."""


@dataclass(frozen=True)
class Round:
    """A round of checks.

    Attributes:
        begun: when; what was checked since belongs to it.
        total: scans that it is to read.
        resumed: another process began it.
    """

    id: int
    collection: str
    output: str
    begun: datetime
    total: int
    resumed: bool
    found: Found


def check_output(
    ledger: Ledger,
    output: Output,
    *,
    sample: float | None = None,
    bandwidth: float | None = None,
    masters: bool = True,
    context: TaskContext | None = None,
    progress: Progress | None = None,
) -> Round:
    """Read a collection's files again and return what was found; the ledger has an event of every scan then.

    The round stays open until `end_round`, so that whoever must be told is told even when this process is killed.

    Args:
        sample: scans to read: a share below 1, a number from 1 on; None for all of them.
        bandwidth: megabytes (10^6 bytes) per second at most.
        masters: also read masters.
        progress: called with scans done and scans in all.

    Raises:
        CheckUnderWay: another process checks the same collection there.
        StoreUnavailable: a store or the ledger did not answer, or is not mounted; a later call goes on from there.
    """
    _refuse_unmounted(output, masters=masters)
    checker = _Checker(ledger, output, _open(ledger, output, sample), masters, context or TaskContext())
    return checker.run(bandwidth, progress)


def end_round(ledger: Ledger, done: Round) -> None:
    """Record that a round is done, and that people were told of what it found."""
    with ledger.write() as session:
        session.get_one(FixityRound, done.id).ended = now()


def _refuse_unmounted(output: Output, *, masters: bool) -> None:
    """Raise StoreUnavailable where everything would seem to be missing; a place to mount a disk is an empty folder."""
    if not _has_files(output.uri):
        raise StoreUnavailable(f"{output.uri} is empty, or not there: mount it, or record where it was moved (`move`)")
    if masters and not any(_has_files(inbox) for inbox in output.inboxes):
        places = ", ".join(output.inboxes)
        raise StoreUnavailable(
            f"{places}: empty, or not there; mount it, or check without masters (--no-masters, `masters: false`)"
        )


def _has_files(uri: str) -> bool:
    try:
        return next(storage.list_files(uri), None) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False


def _open(ledger: Ledger, output: Output, sample: float | None) -> Round:
    """Return the round that was left unfinished, or a new one.

    Raises:
        CheckUnderWay: its process still works on it.
    """
    me = process_name()
    with ledger.write() as session:
        # Of two that begin at once the second waits here, and then finds the round of the first.
        first = select(Batch.id).where(Batch.collection == output.collection).order_by(Batch.id).limit(1)
        session.execute(first.with_for_update(key_share=True))
        scans = current_files(output.collection, output.uri).subquery()
        total = session.scalar(select(func.count()).select_from(scans)) or 0
        wanted = total if sample is None else round(sample * total) if sample < 1 else min(total, int(sample))
        wanted = max(wanted, min(total, 1))
        left = session.scalars(
            select(FixityRound)
            .where(
                FixityRound.collection == output.collection,
                FixityRound.output == output.uri,
                FixityRound.ended.is_(None),
            )
            .order_by(FixityRound.id.desc())
            .limit(1)
        ).first()
        found = Found()
        if left is not None:
            if left.owner != me and not has_ended(left.owner) and now() - left.active < SILENT:
                host, _, rest = left.owner.partition(" ")
                raise CheckUnderWay(
                    f"{output.collection} is being checked by process {rest.partition(' ')[0]} on {host}, since"
                    f" {left.begun:%Y-%m-%d %H:%M} UTC: wait for it, or end it"
                )
            if left.wanted == wanted or sample is None:
                left.owner, left.active, left.wanted = me, now(), wanted
                return Round(left.id, output.collection, output.uri, left.begun, wanted, True, Found(**left.found))
            # Another extent is wanted: what was read stays read, for the longest unread comes first. What was wrong
            # goes over to the new round, since nobody was told of it.
            left.ended = now()
            found = replace(Found(**left.found), scans=0, files=0, bytes=0, busy=0)
        begun = FixityRound(
            collection=output.collection, output=output.uri, wanted=wanted, owner=me, found=asdict(found),
            begun=now(), active=now(),
        )  # fmt: skip
        session.add(begun)
        session.flush()
        return Round(begun.id, output.collection, output.uri, begun.begun, wanted, False, found)


class _Checker:
    """Checks the scans of one round."""

    def __init__(self, ledger: Ledger, output: Output, work: Round, masters: bool, context: TaskContext) -> None:
        self.ledger, self.output, self.work, self.masters, self.context = ledger, output, work, masters, context
        self.inboxes = list(reversed(output.inboxes))
        self.busy: set[int] = set()
        self.unsaved: list[tuple[Checked, datetime]] = []
        self.saved, self.owner = time.monotonic(), process_name()

    def run(self, bandwidth: float | None, progress: Progress | None) -> Round:
        """Check what is left of the round and return it."""
        pace = Pace(bandwidth, self._save_if_due)
        try:
            for files, known in self._due():
                self._check(files, known, pace)
                if progress is not None:
                    progress(self.work.found.scans, self.work.total)
        finally:
            self._save()
        return self.work

    def _due(self) -> Iterator[tuple[ScanFiles, dict[str, str]]]:
        """Yield the scans of this round that were not read yet, the longest unread first, with what is known wrong."""
        for page in chain(self._never_read(), self._read_before()):
            for files, known in page:
                if self.work.found.scans + len(self.busy) >= self.work.total:
                    return
                yield files, known

    def _never_read(self) -> Iterator[list[tuple[ScanFiles, dict[str, str]]]]:
        """Yield pages of scans that were never read, by name."""
        query = (
            current_files(self.output.collection, self.output.uri)
            .add_columns(Publication.key)
            .outerjoin(FixityCheck, FixityCheck.scan_id == Scan.id)
            .where(FixityCheck.scan_id.is_(None))
        )
        last = ""
        while True:
            # By the key of an index: sorting a million scans for each page would take longer than reading them.
            with self.ledger.read() as session:
                rows = session.execute(query.where(Publication.key > last).order_by(Publication.key).limit(PAGE)).all()
            if not rows:
                return
            last = rows[-1].key
            yield [(as_files(row), {}) for row in rows]

    def _read_before(self) -> Iterator[list[tuple[ScanFiles, dict[str, str]]]]:
        """Yield pages of scans that were read before this round, the longest unread first."""
        oldest = (
            select(FixityCheck)
            .where(FixityCheck.checked < self.work.begun)
            .order_by(FixityCheck.checked, FixityCheck.scan_id)
            .limit(PAGE)
        )
        last: tuple[datetime, int] | None = None
        while True:
            # What was read must be in the ledger, or the next page would have it again.
            self._save()
            after = () if last is None else (tuple_(FixityCheck.checked, FixityCheck.scan_id) > last,)
            with self.ledger.read() as session:
                checks = session.scalars(oldest.where(*after)).all()
                ids = [one.scan_id for one in checks]
                found = current_of(session, self.output.collection, self.output.uri, ids)
            if not checks:
                return
            # Those of other collections, and of contents that were replaced, are passed over.
            last = checks[-1].checked, checks[-1].scan_id
            yield [(found[one.scan_id], one.problems) for one in checks if one.scan_id in found]

    def _check(self, files: ScanFiles, known: dict[str, str], pace: Pace) -> None:
        before, found = pace.bytes, self.work.found
        checked = check_scan(self.ledger, files, self.output.uri, self.inboxes, masters=self.masters, pace=pace)
        if checked.busy:
            self.busy.add(files.scan.id)
            found.busy += 1
            return
        found.scans += 1
        found.files += len(checked.digests)
        found.bytes += pace.bytes - before
        for finding in checked.findings:
            found.add(finding, new=known.get(finding.role) != finding.problem)
            logger.warning(
                "scan=%s stage=fixity decision=%s file=%s uri=%s",
                quoted(finding.path), finding.problem, finding.role, quoted(finding.uri),
            )  # fmt: skip
        self.unsaved.append((checked, now()))
        self._save_if_due()

    def _save_if_due(self) -> None:
        """Write to the ledger what was read, now and then; also says that this process is alive."""
        if time.monotonic() - self.saved > SAVE_SECONDS or len(self.unsaved) >= SAVE_SCANS:
            self._save()

    def _save(self) -> None:
        """Write events, times and counts of what was read, all together or not at all."""
        with self.ledger.write() as session:
            row = session.get_one(FixityRound, self.work.id, with_for_update={"key_share": True})
            if row.owner != self.owner:
                self.unsaved.clear()
                raise CheckUnderWay(f"{self.output.collection}: another process has taken over this check; wait for it")
            records = [_event(checked, at, self.work.id) for checked, at in self.unsaved]
            events.append(session, None, self.context, records)
            for checked, at in self.unsaved:
                problems = {one.role: str(one.problem) for one in checked.findings}
                statement = insert(session, FixityCheck).values(scan_id=checked.scan_id, checked=at, problems=problems)
                session.execute(
                    statement.on_conflict_do_update(
                        index_elements=["scan_id"], set_={"checked": at, "problems": problems}
                    )
                )
            row.active, row.found = now(), asdict(self.work.found)
        self.unsaved.clear()
        self.saved = time.monotonic()


def _event(checked: Checked, at: datetime, number: int) -> events.EventRecord:
    """Return the event of one scan whose files were read."""
    worst = next((str(one) for one in Problem if any(one is found.problem for found in checked.findings)), "intact")
    figures = {
        "round": number,
        "program": code_version(),
        "sha256": checked.digests,
        "wrong": [
            {"file": one.role, "problem": str(one.problem), "uri": one.uri, "expected": one.sha256, "found": one.found,
             "detail": one.detail}
            for one in checked.findings
        ],
    }  # fmt: skip
    message = "; ".join(f"{one.role} {one.problem}" for one in checked.findings)
    return events.EventRecord(checked.scan_id, "fixity", str(EventType.FIXITY), worst, message, figures, at=at)
