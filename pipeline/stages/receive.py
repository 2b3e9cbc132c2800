"""Receive a batch: identify what is new in the inbox, in order, claim it, and cut it into chunks."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from pipeline import logs, storage
from pipeline.errors import Reason
from pipeline.escape import quoted
from pipeline.inbox import backlog, listing
from pipeline.inbox.backlog import Backlog
from pipeline.inbox.contents import Contents
from pipeline.inbox.deliveries import Deliveries
from pipeline.inbox.listing import Inbox, InboxFile
from pipeline.inbox.record import InboxRecord, read_record
from pipeline.inbox.redo import Again, RedoRule, is_unchanged
from pipeline.ledger import TaskContext, batches, claims, events, publications, scans
from pipeline.ledger.context import host
from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import batched
from pipeline.ledger.scans import LedgerMatch
from pipeline.ledger.tables import OutcomeRow
from pipeline.provenance.events import EventType
from pipeline.provenance.version import code_version
from pipeline.settings import Collection
from pipeline.stages import models
from pipeline.stages.batch import BatchContext, open_ledger, work_area
from pipeline.stages.chunk_writer import ChunkWriter
from pipeline.stages.cleanup import remove_stale_work_areas
from pipeline.stages.recognise import recognise
from pipeline.stages.scan_row import ScanRow
from pipeline.stages.take_over import RunIsActive, continued_batch, reclaim

# Airflow maps at most 1024 tasks, and its grid is hard to read with so many.
MOST_CHUNKS = 500
# Masks without a scan that are named in log, report and digest.
MOST_NAMED = 50
# Files about which the ledger is asked in one query.
PAGE = 200
# In place of a batch's name: the folder of what batches have listed and not reached, beside their work areas.
LISTING = "listing"

OUTDATED = (
    "results of an earlier recipe or version are kept; a run with redo, or `redo: changed` in the collections file, "
    "does them again"
)

logger = logs.stage_logger("receive")


def receive(
    collection: Collection,
    *,
    batch: str,
    context: TaskContext | None = None,
    source: str | None = None,
    limit: int | None = None,
    since: str | datetime | None = None,
    redo: bool = False,
    owner: str = "",
    run_is_active: RunIsActive | None = None,
    most_chunks: int = MOST_CHUNKS,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Return the URIs of the chunks of a new batch, or of the same batch when it was received before.

    A batch whose run has ended before it was done is continued instead, whatever the other arguments ask for; what is
    new in the inbox is left for another run.

    Args:
        batch: the batch's name, the same for every attempt.
        source: folder below the inbox, or a URI, to take scans from instead of the whole inbox.
        limit: scans at most; the collection's `batch_scans` always limits them too.
        since: only files changed at or after this moment (ISO 8601; without a zone, the collection's).
        redo: take also scans that are done with this recipe.
        owner: name of the only process that works on the batch; see `pipeline.ledger.processes.process_name`.
        run_is_active: tells whether a scheduler's run is queued or running; None where there is no scheduler.
        most_chunks: of one batch; the other scans wait for the next batch.
        progress: called with 1 for each scan that is taken.

    Raises:
        ConfigurationError, WeightsError: collection, recipe or engine are invalid; nothing was written.
        TakenOver: another run continues the batch of this one.
        OutputNotWritable: results cannot be written.
        StoreUnavailable: inbox, output or ledger did not answer.
    """
    context = context or TaskContext()
    inbox = listing.open_inbox(collection, source, since)
    digests = models.digests(collection.recipe)
    # In the work area, because the probe of a killed attempt is removed with it.
    storage.check_writable(work_area(collection.output, batch))
    ledger = open_ledger()
    recipe_digest = collection.recipe.digest(digests)
    row = run_is_active and continued_batch(ledger, collection, batch, context, recipe_digest, run_is_active)
    if not row:
        with ledger.write() as session:
            row = batches.open_batch(
                session,
                collection.name,
                batch,
                {
                    "inbox": inbox.root,
                    "output": collection.output,
                    "recipe": collection.recipe.model_dump(mode="json"),
                    "settings": collection.model_dump(mode="json"),
                    "recipe_digest": recipe_digest,
                    "engine": str(collection.recipe.engine),
                    "engine_digest": digests,
                    "code_version": code_version(),
                    "dag_id": context.dag_id,
                    "run_id": context.run_id,
                    "host": host(),
                    "owner": owner,
                },
            )
    opened = BatchContext.of(collection, row)
    if row.state != batches.BatchState.RECEIVING:
        logger.info("batch=%s was received before: %d scans in %d chunks", row.name, row.received, row.chunks)
        if row.state == batches.BatchState.RUNNING and run_is_active:
            # Its run has lost its claims if it ended before.
            reclaim(ledger, opened, row)
        if row.name != batch:
            storage.delete_tree(work_area(collection.output, batch))
        return opened.chunk_uris(row)
    opened.save()
    remove_stale_work_areas(ledger, opened)
    attempt = _Attempt(opened, ledger, context, redo, progress)
    most_scans = min(limit or 10**9, collection.batch_scans)
    return attempt.run(inbox, most_scans, most_chunks, with_backlog=not redo and limit is None)


class _Attempt:
    """One attempt to receive one batch.

    Args:
        redo: take also what is done.
        progress: called with 1 for each scan that is taken.
    """

    def __init__(
        self,
        batch: BatchContext,
        ledger: Ledger,
        context: TaskContext,
        redo: bool,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.batch, self.ledger, self.context, self.redo, self.progress = batch, ledger, context, redo, progress
        self.name = uuid.uuid4().hex[:8]
        self.chunks = ChunkWriter(batch, self.name)
        self.known = self.claimed_elsewhere = self.outdated = 0
        self.backlog: Backlog | None = None
        self.paths = set[str]()
        self.started = time.perf_counter()

    def run(self, inbox: Inbox, most_scans: int, most_chunks: int, *, with_backlog: bool) -> list[str]:
        """Return the URIs of the chunks that count, after recording them.

        Args:
            with_backlog: whether to begin with what an earlier batch has listed, and to keep what this one leaves.
        """
        more, listed = False, time.time()
        deliveries = Deliveries(inbox, self.ledger)
        self.backlog = self._earlier(inbox) if with_backlog else None
        pages = self._pages(inbox)
        for page in pages:
            new = self._new(page, inbox, deliveries)
            while new and self.chunks.scans < most_scans and self.chunks.count < most_chunks:
                # One chunk at a time, so that a batch ends with a full one.
                wanted = min(most_scans - self.chunks.scans, self.batch.collection.chunk_scans)
                self._take(new[:wanted], self._rule(inbox))
                new = new[wanted:]
            if new:
                more = True
                break
        self.chunks.finish()
        if inbox.unsettled:
            logger.info("%d files have not settled and are left for a later batch", inbox.unsettled)
        if with_backlog and self.backlog is None:
            area = work_area(self.batch.output, LISTING)
            storage.delete_tree(area)
            if more:
                left = chain(new, chain.from_iterable(pages))
                self.backlog = backlog.keep(storage.join(area, self.name), inbox, left, listed)
        return self._commit(deliveries, more)

    def _rule(self, inbox: Inbox) -> RedoRule:
        """Return what makes a finished scan new work."""
        collection = self.batch.collection
        return RedoRule(collection.redo, collection.recipe, self.batch.recipe_digest, self.redo, inbox.masks_absent)

    def _earlier(self, inbox: Inbox) -> Backlog | None:
        """Return what the batch before this one has listed and left, or None."""
        with self.ledger.read() as session:
            last = batches.last_received(session, self.batch.collection.name)
        # What an abandoned batch took is free, and may lie before its backlog.
        if last is None or last.state == batches.BatchState.ABANDONED:
            return None
        found = backlog.usable(last.counts.get("backlog"), inbox)
        if found is not None:
            inbox.bags, inbox.masks_absent = found.bags, found.masks_absent
        return found

    def _pages(self, inbox: Inbox) -> Iterator[list[InboxFile]]:
        """Yield pages of files: of the backlog, then of the whole inbox, so that nothing that came later is left."""
        if self.backlog is not None:
            logger.info(
                "batch=%s continues a listing of %d files at %d",
                self.batch.name, self.backlog.files, self.backlog.position,
            )  # fmt: skip
            try:
                for page in batched(self.backlog.read(), PAGE):
                    yield page
                    self.backlog = replace(self.backlog, position=self.backlog.position + len(page))
            except FileNotFoundError:
                logger.info("batch=%s: the listing was removed, and the inbox is listed again", self.batch.name)
            self.backlog = None
            # All of them are counted again.
            self.known = self.claimed_elsewhere = self.outdated = inbox.unsettled = 0
            inbox.bags = {}
        files = inbox.files(Contents(self.ledger))
        yield from batched((file for file in files if file.path not in self.paths), PAGE)

    def _new(self, page: list[InboxFile], inbox: Inbox, deliveries: Deliveries) -> list[InboxFile]:
        """Return the files that the ledger does not know as done, and that no other batch has claimed."""
        with self.ledger.read() as session:
            matches = self._matches(session, page)
        rule = self._rule(inbox)
        new = []
        for file in page:
            same = [match for match in matches.get(file.path, ()) if is_unchanged(match, file)]
            if any(rule.is_done(match, file) for match in same):
                self._count_known(rule, same)
            elif any(match.claimed_by not in (None, self.batch.batch_id) for match in same):
                self.claimed_elsewhere += 1
            elif not deliveries.is_complete(file):
                inbox.unsettled += 1
            else:
                new.append(file)
        return new if self.backlog is None else [now for file in new if (now := backlog.refreshed(file, inbox))]

    def _matches(self, session: Session, page: list[InboxFile]) -> dict[str, list[LedgerMatch]]:
        """Return what the ledger knows of some files, by path."""
        paths = [file.path for file in page]
        return scans.find_matches(session, self.batch.collection.name, paths, self.batch.recipe_digest)

    def _known_contents(self, page: list[InboxFile], records: list[InboxRecord]) -> dict[str, list[LedgerMatch]]:
        """Return what the ledger knows of some files, also of those whose results are only now found in the output."""
        with self.ledger.read() as session:
            matches = self._matches(session, page)
        if self.redo:
            return matches
        unknown = [one for one in records if one.info and not _is_spoken_for(one, matches.get(one.path, ()))]
        if recognise(self.batch, self.ledger, self.context, unknown):
            with self.ledger.read() as session:
                return self._matches(session, page)
        return matches

    def _count_known(self, rule: RedoRule, matches: Sequence[LedgerMatch]) -> None:
        """Count a finished scan that is left as it is."""
        self.known += 1
        self.outdated += any(map(rule.is_outdated, matches))

    def _take(self, page: list[InboxFile], rule: RedoRule) -> None:
        """Read files, record them in the ledger, and add those that this batch could claim to chunks."""
        records = [record for file in page if (record := read_record(file)) is not None]
        # Whatever asks the store is done before the transaction: others wait while one writes.
        matches = self._known_contents(page, records)
        new: list[InboxRecord] = []
        again: dict[str, Again | None] = {}
        for one in records:
            known = matches.get(one.path, ())
            same = [match for match in known if match.sha256 == one.sha256]
            if any(rule.is_done(match, one.file) for match in same):
                self._count_known(rule, same)
            else:
                again[one.path] = rule.why(one, known)
                new.append(one)
        shared = {} if self.redo else self._find_shared(new)
        name = self.batch.collection.name
        with self.ledger.write() as session:
            ids = {one.path: scans.record(session, one.ledger_scan(name)) for one in records}
            taken = claims.take(session, self.batch.batch_id, self.batch.recipe_digest, [ids[one.path] for one in new])
            rows = []
            for one in new:
                scan_id = ids[one.path]
                if scan_id in taken:
                    # A folder with an image's name has no results; its files keep their path below it.
                    has_results = one.reason != Reason.NOT_A_FILE
                    output_path = publications.reserve(session, name, one.path, scan_id) if has_results else ""
                    rows.append((_row(one, scan_id, output_path, shared, again[one.path]), one))
            received = [one.event(row.scan_id, row.same_as, row.again) for row, one in rows]
            events.append(session, self.batch.batch_id, self.context, received)
        self.claimed_elsewhere += len(new) - len(rows)
        for row, one in rows:
            logger.info(one.log_line(row.same_as, row.again))
            self.chunks.add(row, one.megapixels)
            if self.backlog is not None:
                self.paths.add(row.path)
            if self.progress is not None:
                self.progress(1)

    def _find_shared(self, new: list[InboxRecord]) -> dict[str, str]:
        """Return the paths of earlier scans, by sha256, whose published results are intact and can be shared."""
        found = {}
        with self.ledger.read() as session:
            for sha256 in {one.sha256 for one in new if one.info is not None}:
                duplicate = scans.find_duplicate(session, self.batch.collection.name, sha256, self.batch.recipe_digest)
                if duplicate is not None:
                    found[sha256] = duplicate
        return {sha256: scan.path for sha256, (scan, outcome) in found.items() if _is_intact(outcome)}

    def _commit(self, deliveries: Deliveries, more: bool) -> list[str]:
        """Return the chunks that count: those of this attempt, unless another attempt of the task was first."""
        seconds = time.perf_counter() - self.started
        inbox = deliveries.inbox
        counts = {
            "attempt": self.name,
            "chunks": self.chunks.count,
            "received": self.chunks.scans,
            "known": self.known,
        }
        left = {"outdated": self.outdated, "ignored": dict(inbox.ignored), **_unused(inbox, more)}
        kept = {"backlog": self.backlog.as_json()} if more and self.backlog else {}
        values = counts | {"claimed_elsewhere": self.claimed_elsewhere, "more": more, "counts": left | kept}
        figures = counts | {"elsewhere": self.claimed_elsewhere, "more": more} | left
        with self.ledger.write() as session:
            first = batches.commit_received(session, self.batch.batch_id, values)
            row = batches.get(session, self.batch.collection.name, self.batch.name)
            if first:
                kind = str(EventType.INGESTION_START)
                record = events.EventRecord(None, "receive", kind, "received", figures=figures, seconds=seconds)
                events.append(session, self.batch.batch_id, self.context, [record, *_fixity_events(deliveries)])
        nothing = "" if row.received else ": nothing new"
        rest = ", more waits for the next batch" if row.more else ""
        logger.info(
            "batch=%s received=%d chunks=%d known=%d elsewhere=%d seconds=%.3f%s%s",
            self.batch.name, row.received, row.chunks, row.known, row.claimed_elsewhere, seconds, nothing, rest,
        )  # fmt: skip
        for one in inbox.unused[:MOST_NAMED]:
            logger.warning("batch=%s unused=%s: %s", self.batch.name, quoted(one.path), one.why)
        if self.outdated:
            logger.info("batch=%s outdated=%d: %s", self.batch.name, self.outdated, OUTDATED)
        return self.batch.chunk_uris(row)


def _unused(inbox: Inbox, more: bool) -> dict[str, Any]:
    """Return the masks that were used for no scan, as the ledger keeps them; of several batches the last has them."""
    if more or not inbox.unused:
        return {}
    named = [[one.path, one.why] for one in inbox.unused[:MOST_NAMED]]
    return {"unused": named, "unused_count": len(inbox.unused)}


def _row(record: InboxRecord, scan_id: int, output_path: str, shared: dict[str, str], again: Again | None) -> ScanRow:
    """Return the manifest's row of a scan that was taken.

    Args:
        output_path: its path in the output, without an extension.
        shared: paths of scans whose results can be shared, by sha256.
        again: why it is done although its path was done before; None for what is new.
    """
    given = record.file.companions
    return ScanRow(
        scan_id=scan_id,
        path=record.path,
        uri=record.file.entry.uri,
        sha256=record.sha256,
        bytes=record.size,
        **record.header,
        orientation=record.info.orientation if record.info else 1,
        mask_given_uri=given.mask.uri if given.mask else "",
        mask_given=record.mask_given,
        protect_uri=given.protect.uri if given.protect else "",
        infrared_uri=given.infrared.uri if given.infrared else "",
        given_note=given.note,
        xmp_json=json.dumps([one.uri for one in given.xmp]) if given.xmp else "",
        original_uri=record.file.original,
        output_path=output_path,
        reason=record.reason,
        message=record.message,
        again=str(again or ""),
        same_as="" if record.reason or record.mask_given else shared.get(record.sha256, ""),
    )


def _is_spoken_for(record: InboxRecord, matches: Sequence[LedgerMatch]) -> bool:
    """Return whether a content has an outcome, or a batch is working on it."""
    return any(match.sha256 == record.sha256 and (match.outcome or match.claimed_by) for match in matches)


def _is_intact(outcome: OutcomeRow) -> bool:
    """Return whether the published files of a result, masks included, are unchanged."""
    files = (
        (outcome.restored_uri, outcome.restored_sha256),
        (outcome.mask_uri, outcome.mask_sha256),
        (outcome.suggested_uri, outcome.suggested_sha256),
    )
    try:
        return all(storage.sha256(uri) == sha256 for uri, sha256 in files if uri)
    except FileNotFoundError:
        return False


def _fixity_events(deliveries: Deliveries) -> Iterator[events.EventRecord]:
    """Yield an event for each bag whose checksums were verified."""
    fixity = str(EventType.FIXITY)
    for bag, files in deliveries.checked.items():
        yield events.EventRecord(None, "receive", fixity, "bag whole", figures={"bag": bag, "files": files})
    for bag, problem in deliveries.refused.items():
        yield events.EventRecord(None, "receive", fixity, "bag refused", problem, {"bag": bag})
