"""One try of receiving one batch: what is new is looked at, written down, claimed and cut into chunks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

from sqlalchemy.orm import Session

from pipeline import logs
from pipeline.inbox.deliveries import Deliveries
from pipeline.inbox.listing import Inbox, InboxFile
from pipeline.ledger import TaskContext, batches, claims, events, publications, scans
from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import batched
from pipeline.ledger.scans import LedgerMatch
from pipeline.provenance.events import EventType
from pipeline.stages import received
from pipeline.stages.batch import BatchContext
from pipeline.stages.chunks import Chunks
from pipeline.stages.manifest import Row
from pipeline.stages.received import Received

# Entries about which the ledger is asked at once.
PAGE = 200

logger = logs.stage_logger("receive")


class Receiver:
    """One try of receiving one batch.

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
        self.attempt = uuid.uuid4().hex[:8]
        self.chunks = Chunks(batch, self.attempt)
        self.known = self.claimed_elsewhere = 0
        self.started = time.perf_counter()

    def run(self, inbox: Inbox, most_scans: int, most_chunks: int) -> list[str]:
        """Return the chunks, once they count."""
        more = False
        deliveries = self.deliveries = Deliveries(inbox, self.ledger)
        for page in batched(self._new(inbox, deliveries), PAGE):
            while page and self.chunks.scans < most_scans and self.chunks.count < most_chunks:
                # A chunk at a time, so that a batch ends on a full one.
                wanted = min(most_scans - self.chunks.scans, self.batch.collection.chunk_scans)
                self._take(page[:wanted])
                page = page[wanted:]
            if page:
                more = True
                break
        self.chunks.close()
        if inbox.unsettled:
            logger.info("%d files have not settled and are left for a later batch", inbox.unsettled)
        return self._commit(more)

    def _new(self, inbox: Inbox, deliveries: Deliveries) -> Iterator[InboxFile]:
        """Yield what the ledger does not know as done, and nobody else works on."""
        for page in batched(inbox.files(), PAGE):
            with self.ledger.read() as session:
                seen = self._seen(session, page)
            for found in page:
                same = [one for one in seen.get(found.path, ()) if received.is_same(one, found)]
                if not self.redo and any(received.is_done(one, found) for one in same):
                    self.known += 1
                elif any(one.claimed_by not in (None, self.batch.batch_id) for one in same):
                    self.claimed_elsewhere += 1
                elif not deliveries.is_complete(found):
                    inbox.unsettled += 1
                else:
                    yield found

    def _seen(self, session: Session, page: list[InboxFile]) -> dict[str, list[LedgerMatch]]:
        paths = [found.path for found in page]
        return scans.find_matches(session, self.batch.collection.name, paths, self.batch.recipe_digest)

    def _take(self, page: list[InboxFile]) -> None:
        """Looks at files, writes them to the ledger, and puts those that are ours into chunks."""
        looked = [one for found in page if (one := received.look(found)) is not None]
        # Whatever asks the store comes before the transaction: others wait while one writes.
        with self.ledger.read() as session:
            seen = self._seen(session, page)
        new = [one for one in looked if self.redo or not any(one.is_done(past) for past in seen.get(one.path, ()))]
        shared = {} if self.redo else self._shared(new)
        with self.ledger.write() as session:
            ids = {one.path: scans.record(session, one.scan(self.batch.collection.name)) for one in looked}
            taken = claims.take(session, self.batch.batch_id, self.batch.recipe_digest, [ids[one.path] for one in new])
            mine = [one for one in new if ids[one.path] in taken]
            rows = [(self._row(session, one, ids[one.path], shared), one) for one in mine]
            events.append(session, self.batch.batch_id, self.context, [one.event(row) for row, one in rows])
        self.known += len(looked) - len(new)
        self.claimed_elsewhere += len(new) - len(rows)
        for row, one in rows:
            logger.info(
                logs.scan_line(row["path"], row["sha256"], "receive", one.decision, one.figures(row), one.seconds)
            )
            self.chunks.add(row, one.megapixels)
            if self.progress is not None:
                self.progress(1)

    def _row(self, session: Session, one: Received, scan_id: int, shared: dict[str, str]) -> Row:
        """Return the manifest's row of a scan, with its name in the output and whose result it shares."""
        row = one.row(scan_id)
        row["output_path"] = publications.reserve(session, self.batch.collection.name, one.path, scan_id)
        if not row["reason"] and not row["mask_given"]:
            row["same_as"] = shared.get(one.sha256, "")
        return row

    def _shared(self, new: list[Received]) -> dict[str, str]:
        """Return the paths of earlier scans of the same bytes whose results are still as they were published."""
        found = {}
        with self.ledger.read() as session:
            for sha256 in {one.sha256 for one in new if one.info is not None}:
                duplicate = scans.find_duplicate(session, self.batch.collection.name, sha256, self.batch.recipe_digest)
                if duplicate is not None:
                    found[sha256] = duplicate
        return {sha256: scan.path for sha256, (scan, outcome) in found.items() if received.is_whole(outcome)}

    def _commit(self, more: bool) -> list[str]:
        """Return the chunks that count: these, unless another try of the same task was first."""
        seconds = time.perf_counter() - self.started
        counts = {
            "attempt": self.attempt,
            "chunks": self.chunks.count,
            "received": self.chunks.scans,
            "known": self.known,
        }
        values = counts | {"claimed_elsewhere": self.claimed_elsewhere, "more": more}
        figures = counts | {"elsewhere": self.claimed_elsewhere, "more": more}
        with self.ledger.write() as session:
            first = batches.commit_received(session, self.batch.batch_id, values)
            row = batches.get(session, self.batch.collection.name, self.batch.name)
            if first:
                kind = str(EventType.INGESTION_START)
                record = events.EventRecord(None, "receive", kind, "received", figures=figures, seconds=seconds)
                events.append(session, self.batch.batch_id, self.context, [record, *_fixity(self.deliveries)])
        nothing = "" if row.received else ": nothing new"
        rest = ", more waits for the next batch" if row.more else ""
        logger.info(
            "batch=%s received=%d chunks=%d known=%d elsewhere=%d seconds=%.3f%s%s",
            self.batch.name, row.received, row.chunks, row.known, row.claimed_elsewhere, seconds, nothing, rest,
        )  # fmt: skip
        return [self.batch.chunk_uri(number, row.attempt) for number in range(1, row.chunks + 1)]


def _fixity(deliveries: Deliveries) -> Iterator[events.EventRecord]:
    """Yield what the checksums of bags have shown."""
    for bag, files in deliveries.checked.items():
        yield events.EventRecord(
            None, "receive", str(EventType.FIXITY), "bag whole", figures={"bag": bag, "files": files}
        )
    for bag, problem in deliveries.refused.items():
        yield events.EventRecord(None, "receive", str(EventType.FIXITY), "bag refused", problem, {"bag": bag})
