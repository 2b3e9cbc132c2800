"""Receiving: what is new in the inbox, taken in order, claimed, and written down in chunks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from pipeline import storage
from pipeline.ledger import Ledger, TaskContext, batches, claims, events, publications, scans
from pipeline.ledger.context import host
from pipeline.ledger.rows import batched
from pipeline.ledger.scans import Known
from pipeline.ledger.tables import Batch, Outcome, Scan
from pipeline.provenance.events import KINDS, Kind
from pipeline.provenance.version import code_version
from pipeline.settings import Collection
from pipeline.stages import inboxes, loaded, log
from pipeline.stages import work as works
from pipeline.stages.chunks import Chunks
from pipeline.stages.examine import Examined, examine
from pipeline.stages.inboxes import Found
from pipeline.stages.manifest import Row
from pipeline.stages.tidy import tidy_work_areas
from pipeline.stages.work import Work
from pipeline.storage import Entry

# Entries about which the ledger is asked at once, and files that are looked at between two writes to it.
PAGE = 200
# Airflow maps at most 1024 tasks, and a grid of that many helps nobody.
MOST_CHUNKS = 500

logger = log.logger("receive")


def receive(
    collection: Collection,
    *,
    batch: str,
    context: TaskContext | None = None,
    source: str | None = None,
    limit: int | None = None,
    since: str | datetime | None = None,
    redo: bool = False,
    holder: str = "",
    most_chunks: int = MOST_CHUNKS,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Returns the URIs of the chunks of a new batch, or of the same batch when it was received before.

    Args:
        batch: the batch's name, the same for every try.
        source: folder below the inbox, or a URI, to take scans from in place of the whole inbox.
        limit: scans at most; the collection's `batch_scans` is the limit otherwise.
        since: only files changed at or after this moment (ISO 8601; without a zone, the collection's).
        redo: take also what the ledger knows as done with this recipe.
        holder: name of the process that works alone on the batch; see `pipeline.ledger.context.holder`.
        most_chunks: of one batch; the rest waits for the next.
        progress: called with 1 for each scan that is taken.

    Raises:
        ConfigurationError, WeightsError: collection, recipe or engine are wrong; nothing was written.
        OutputNotWritable: results could not be written.
        StoreUnavailable: inbox, output or ledger did not answer.
    """
    context = context or TaskContext()
    inbox = inboxes.open_inbox(collection, source, since)
    digests = loaded.digests(collection.recipe)
    storage.check_writable(collection.output)
    ledger = works.ledger()
    with ledger.write() as session:
        row = batches.open_batch(
            session,
            collection.name,
            batch,
            {
                "inbox": inbox.root,
                "output": collection.output,
                "recipe": collection.recipe.model_dump(mode="json"),
                "recipe_digest": collection.recipe.digest(digests),
                "engine": str(collection.recipe.engine),
                "engine_digest": digests,
                "code_version": code_version(),
                "dag_id": context.dag_id,
                "run_id": context.run_id,
                "host": host(),
                "holder": holder,
            },
        )
    work = _work(collection, row)
    if row.state != batches.State.RECEIVING:
        logger.info("batch=%s was received before: %d scans in %d chunks", batch, row.received, row.chunks)
        return [work.chunk(number, row.attempt) for number in range(1, row.chunks + 1)]
    work.save()
    tidy_work_areas(ledger, work)
    receiver = _Receiver(work, ledger, context, redo, progress)
    return receiver.run(inbox, min(limit or 10**9, collection.batch_scans), most_chunks)


def _work(collection: Collection, row: Batch) -> Work:
    """Returns the batch as its tasks will see it: what the first try wrote counts."""
    return Work(
        uri=works.area(collection.output, row.name),
        collection=collection,
        batch=row.name,
        batch_id=row.id,
        inbox=row.inbox,
        recipe_digest=row.recipe_digest,
        engine_digest=row.engine_digest.partition(" ")[0],
        detector_digest=row.engine_digest.partition(" ")[2],
        code_version=row.code_version,
        host=row.host,
        dag_id=row.dag_id,
        run_id=row.run_id,
        started=row.started,
    )


class _Receiver:
    """One try of receiving one batch."""

    def __init__(
        self, work: Work, ledger: Ledger, context: TaskContext, redo: bool, progress: Callable[[int], None] | None
    ) -> None:
        self.work, self.ledger, self.context, self.redo, self.progress = work, ledger, context, redo, progress
        self.attempt = uuid.uuid4().hex[:8]
        self.chunks = Chunks(work, self.attempt)
        self.known = self.elsewhere = 0
        self.started = time.perf_counter()

    def run(self, inbox: inboxes.Inbox, most_scans: int, most_chunks: int) -> list[str]:
        """Returns the chunks, once they count."""
        more = False
        for page in batched(self._new(inbox), PAGE):
            while page and self.chunks.scans < most_scans and self.chunks.count < most_chunks:
                # A chunk at a time, so that a batch ends on a full one.
                wanted = min(most_scans - self.chunks.scans, self.work.collection.chunk_scans)
                self._take(page[:wanted])
                page = page[wanted:]
            if page:
                more = True
                break
        self.chunks.close()
        if inbox.unsettled:
            logger.info("%d files changed too lately and are left for the next batch", inbox.unsettled)
        return self._commit(more)

    def _new(self, inbox: inboxes.Inbox) -> Iterator[Found]:
        """Yields what the ledger does not know as done, and nobody else works on."""
        for page in batched(inbox.found(), PAGE):
            with self.ledger.read() as session:
                seen = scans.known(
                    session, self.work.collection.name, [found.path for found in page], self.work.recipe_digest
                )
            for found in page:
                same = [one for one in seen.get(found.path, ()) if _is_same(one, found)]
                if self._is_done(same, found):
                    self.known += 1
                elif any(one.claimed_by not in (None, self.work.batch_id) for one in same):
                    self.elsewhere += 1
                else:
                    yield found

    def _is_done(self, same: list[Known], found: Found) -> bool:
        return not self.redo and any(one.outcome and _has_mask(one, found) for one in same)

    def _take(self, page: list[Found]) -> None:
        """Looks at files, writes them to the ledger, and puts those that are ours into chunks."""
        looked = [(found, looked) for found in page if (looked := _look(found)) is not None]
        with self.ledger.write() as session:
            collection, digest = self.work.collection.name, self.work.recipe_digest
            seen = scans.known(session, collection, [found.path for found, _ in looked], digest)
            new: dict[int, tuple[Found, Examined]] = {}
            for found, examined in looked:
                scan_id = scans.record(session, _as_scan(collection, found, examined))
                same = [one for one in seen.get(found.path, ()) if one.sha256 == examined.sha256]
                if self._is_done(same, found):
                    self.known += 1
                else:
                    new[scan_id] = (found, examined)
            taken = claims.take(session, self.work.batch_id, digest, list(new))
            self.elsewhere += len(new) - len(taken)
            rows: list[tuple[Row, Examined]] = []
            for scan_id in (scan_id for scan_id in new if scan_id in taken):
                row = _row(scan_id, *new[scan_id])
                row["output_path"] = publications.reserve(session, collection, row["path"], scan_id)
                if not row["reason"] and not row["mask_given"] and not self.redo:
                    twin = scans.twin(session, collection, row["sha256"], digest)
                    row["same_as"] = twin[0].path if twin and _is_whole(twin[1]) else ""
                rows.append((row, new[scan_id][1]))
            events.append(session, self.work.batch_id, self.context, [_happening(row, one) for row, one in rows])
        for row, one in rows:
            decision = "quarantined" if row["reason"] else "taken"
            figures = {name: row[name] for name in ("reason", "format", "width", "height", "bytes", "same_as")}
            logger.info(log.line(row["path"], row["sha256"], "receive", decision, figures, one.seconds))
            self.chunks.add(row, one.megapixels)
            if self.progress is not None:
                self.progress(1)

    def _commit(self, more: bool) -> list[str]:
        """Returns the chunks that count: these, unless another try of the same task was first."""
        seconds = time.perf_counter() - self.started
        values = {
            "attempt": self.attempt,
            "chunks": self.chunks.count,
            "received": self.chunks.scans,
            "known": self.known,
            "elsewhere": self.elsewhere,
            "more": more,
        }
        with self.ledger.write() as session:
            first = batches.commit_received(session, self.work.batch_id, values)
            row = batches.get(session, self.work.collection.name, self.work.batch)
            if first:
                happening = events.Happening(
                    None, "receive", str(Kind.INGESTION_START), "received", figures=values, seconds=seconds
                )
                events.append(session, self.work.batch_id, self.context, [happening])
        nothing = "" if row.received else ": nothing new"
        rest = ", more waits for the next batch" if row.more else ""
        logger.info(
            "batch=%s received=%d chunks=%d known=%d elsewhere=%d seconds=%.3f%s%s",
            self.work.batch, row.received, row.chunks, row.known, row.elsewhere, seconds, nothing, rest,
        )  # fmt: skip
        return [self.work.chunk(number, row.attempt) for number in range(1, row.chunks + 1)]


def _is_same(known: Known, found: Found) -> bool:
    """Returns whether a path still holds what the ledger knows, without reading it."""
    if found.entry.kind != "file":
        return known.sha256 == ""
    return known.fingerprint == found.fingerprint != ""


def _has_mask(known: Known, found: Found) -> bool:
    """Returns whether a scan was done with the mask that is there now.

    A mask that was taken away after the work is no reason to do it again without.
    """
    if found.mask is None:
        return True
    mark, _, sha256 = known.mask_given.partition(" ")
    return mark == _mark(found.mask) or (bool(sha256) and sha256 == storage.sha256(found.mask.uri))


def _mask_given(mask: Entry | None) -> str:
    """Returns the fingerprint and the digest of a manual mask, empty without one."""
    return f"{_mark(mask)} {storage.sha256(mask.uri)}" if mask else ""


def _mark(mask: Entry) -> str:
    return f"{mask.size}:{mask.etag}"


def _look(found: Found) -> Examined | None:
    """Returns what lies there, or None when it is gone since it was listed."""
    try:
        examined = examine(found.entry)
    except FileNotFoundError:
        logger.info("scan=%s stage=receive decision=gone: it was removed since it was listed", log.quoted(found.path))
        return None
    if found.reason and not examined.reason:
        return replace(examined, info=None, reason=found.reason, message=found.message)
    return examined


def _as_scan(collection: str, found: Found, examined: Examined) -> Scan:
    info = examined.info
    return Scan(
        collection=collection,
        path=found.path,
        sha256=examined.sha256,
        bytes=examined.size,
        # Bytes that could not be read may become readable without any change to the file.
        fingerprint=found.fingerprint if examined.sha256 else "",
        format=info.format if info else "",
        width=info.width if info else 0,
        height=info.height if info else 0,
        channels=info.channels if info else 0,
        bit_depth=info.bit_depth if info else 0,
    )


def _row(scan_id: int, found: Found, examined: Examined) -> Row:
    """Returns the manifest's row of a scan."""
    info = examined.info
    return {
        "scan_id": scan_id,
        "path": found.path,
        "uri": found.entry.uri,
        "sha256": examined.sha256,
        "bytes": examined.size,
        "format": info.format if info else "",
        "width": info.width if info else 0,
        "height": info.height if info else 0,
        "channels": info.channels if info else 0,
        "bit_depth": info.bit_depth if info else 0,
        "orientation": info.orientation if info else 1,
        "mask_given_uri": found.mask.uri if found.mask else "",
        "mask_given": _mask_given(found.mask),
        "original_uri": found.original,
        "reason": examined.reason,
        "message": examined.message,
        "same_as": "",
    }


def _happening(row: Row, examined: Examined) -> events.Happening:
    decision = "quarantined" if row["reason"] else "taken"
    kind = Kind.QUARANTINE if row["reason"] else KINDS["receive"]
    figures = {name: row[name] for name in ("reason", "format", "width", "height", "bytes", "same_as") if row[name]}
    return events.Happening(row["scan_id"], "receive", str(kind), decision, row["message"], figures, examined.seconds)


def _is_whole(outcome: Outcome) -> bool:
    """Returns whether an earlier result can be shared: there is no derivative, or it is there as it was published."""
    try:
        return not outcome.restored_uri or storage.sha256(outcome.restored_uri) == outcome.restored_sha256
    except FileNotFoundError:
        return False
