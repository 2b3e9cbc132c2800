"""What every stage on a chunk has in common: isolation of bad scans, log lines, events, claims, the next manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline import logs, storage
from pipeline.errors import ConfigurationError, StoreUnavailable, UnreadableScan, WeightsError
from pipeline.escape import error_line, quoted
from pipeline.ledger import TaskContext, claims, events, scans
from pipeline.provenance.events import STAGE_EVENTS, EventType
from pipeline.stages import manifest
from pipeline.stages.artifacts import MasterGone
from pipeline.stages.batch import InputVanished, load_batch, open_ledger
from pipeline.stages.manifest import Row

Progress = Callable[[int], None]

# Seconds after which events that wait are written: a task that is killed loses at most so much of its history.
FLUSH_EVERY = 5.0
# Tries of a task after which running out of memory counts as the scan's own fault, and costs only that scan.
MEMORY_TRIES = 3


class ChunkStage:
    """One stage on one chunk.

    Args:
        chunk: URI of any manifest of the chunk.
        stage: `mask`, `inpaint`, `measure` or `publish`.
        step: the manifest that the stage writes.
        progress: called with 1 for each scan that is done.
    """

    def __init__(self, chunk: str, stage: str, step: str, context: TaskContext, progress: Progress | None) -> None:
        self.stage, self.step, self.context, self.progress = stage, step, context, progress
        self.batch = load_batch(chunk)
        self.ledger = open_ledger()
        self.logger = logs.stage_logger(stage)
        self.target = manifest.sibling(chunk, step)
        self.finished = storage.exists(self.target)
        before = manifest.STEPS[manifest.STEPS.index(step) - 1]
        self.rows: list[Row] = manifest.read(self.target if self.finished else manifest.sibling(chunk, before))
        self._events: list[events.EventRecord] = []
        self._flushed = self._renewed = time.monotonic()
        if self.finished:
            self.logger.info("stage=%s chunk=%s decision=skip: it was done by an earlier try", stage, self.target)
        else:
            for row in self.rows:
                row.update(manifest.blank(step))
            with self.ledger.write() as session:
                claims.renew(session, self.batch.batch_id)

    def open_rows(self) -> Iterator[Row]:
        """Yield the scans on which there is work: neither stopped nor sharing another's result."""
        for row in self.rows:
            if not row["same_as"] and not is_stopped(row):
                yield row

    def attempt(self, row: Row, work: Callable[[Row], Row]) -> None:
        """Do the work on one scan; whatever is wrong with it costs it alone.

        Raises:
            StoreUnavailable, MemoryError: another try may succeed.
            ConfigurationError, WeightsError, InputVanished: no try can.
        """
        started = time.perf_counter()
        found = self.guarded(row, lambda: work(row))
        self.settle(row, found, time.perf_counter() - started)

    def guarded(self, row: Row, work: Callable[[], Row]) -> Row:
        """Return what the work found, or the decision to quarantine or give up the scan."""
        try:
            return work()
        except UnreadableScan as error:
            return stopped("quarantined", str(error.reason), error.message)
        except MasterGone as error:
            check_inbox(self.batch.inbox)
            return stopped("failed", error.reason, error.message)
        except (StoreUnavailable, ConfigurationError, WeightsError, InputVanished):
            raise
        except MemoryError:
            if self.context.try_number and self.context.halvings < MEMORY_TRIES - 1:
                raise
            return stopped("failed", "out-of-memory", "there was not enough memory for this scan, even by itself")
        except Exception as error:
            if isinstance(error, FileNotFoundError):
                # Was it the scan's own trouble, or was the batch given up and its work area removed?
                load_batch(self.batch.uri)
            self.logger.exception("scan=%s stage=%s raised an unexpected error", quoted(row["path"]), self.stage)
            return stopped("failed", "error", f"{type(error).__name__} in {self.stage}: {error_line(error, 300)}")

    def settle(self, row: Row, found: Row, seconds: float) -> None:
        """Add to a row what was found, write its log line and notes its event."""
        row.update(found)
        row[f"{self.stage}_seconds"] = seconds
        decision = row["decision"] or "done"
        self.log(row, decision, seconds)
        self._events.append(self.event(row, decision, seconds))
        self.tick()

    def log(self, row: Row, decision: str, seconds: float) -> None:
        """Write a scan's log line."""
        found = manifest.figures(row, self.step)
        for name in (f"{self.stage}_seconds", "decision", "outcome"):
            found.pop(name, None)
        why = {"reason": row["reason"]} if is_stopped(row) else {}
        self.logger.info(logs.scan_line(row["path"], row["sha256"], self.stage, decision, why | found, seconds))

    def event(self, row: Row, decision: str, seconds: float) -> events.EventRecord:
        """Return the event of this stage for one scan."""
        kind = EventType.QUARANTINE if decision == "quarantined" else STAGE_EVENTS[self.stage]
        figures = manifest.figures(row, self.step)
        message = row["message"] or ""
        return events.EventRecord(row["scan_id"], self.stage, str(kind), decision, message, figures, seconds)

    def tick(self, scans: int = 1) -> None:
        """Report the progress, write events that wait, and keep the claims."""
        if self.progress is not None:
            self.progress(scans)
        moment = time.monotonic()
        if moment - self._renewed > claims.RENEW_EVERY.total_seconds():
            with self.ledger.write() as session:
                claims.renew(session, self.batch.batch_id)
            self._renewed = moment
        if moment - self._flushed > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the events that wait."""
        if self._events:
            with self.ledger.write() as session:
                events.append(session, self.batch.batch_id, self.context, self._events)
        self._events, self._flushed = [], time.monotonic()

    def save(self) -> str:
        """Return the URI of the stage's manifest, written whole after everything that it refers to."""
        for row in self.rows:
            if row["same_as"]:
                self._share(row)
        self.flush()
        manifest.write(self.target, self.rows)
        return self.target

    def _share(self, row: Row) -> None:
        """Take over what this stage found on the same bytes under another name."""
        duplicate = next((other for other in self.rows if other["path"] == row["same_as"]), None)
        names = [*manifest.COLUMNS[self.step], "reason", "message", "decision"]
        found: dict[str, Any] = duplicate or self._earlier(row)
        row.update({name: found[name] for name in names if name in found})

    def _earlier(self, row: Row) -> Row:
        """Return what an earlier batch found on the same bytes."""
        with self.ledger.read() as session:
            found = scans.find_duplicate(session, self.batch.collection.name, row["sha256"], self.batch.recipe_digest)
        if found is None:
            return stopped("failed", "error", f"the result of {row['same_as']} is not in the ledger any more")
        earlier = found[1]
        return {**earlier.figures, "mask_uri": earlier.mask_uri, "suggested_uri": earlier.suggested_uri}


def check_inbox(inbox: str) -> None:
    """Return when there is an inbox from which one scan may have been taken away.

    Raises:
        StoreUnavailable: the whole inbox is gone, or empty, as a disk is that is not mounted.
    """
    try:
        if next(storage.list_files(inbox), None) is not None:
            return
    except (FileNotFoundError, NotADirectoryError):
        pass
    raise StoreUnavailable(f"{inbox}: the inbox is gone or empty; is it mounted, or the bucket there?")


def is_stopped(row: Row) -> bool:
    """Return whether a scan's way has ended early."""
    return bool(row["reason"])


def stopped(decision: str, reason: str, message: str) -> Row:
    """Return the columns of a scan whose way ends here."""
    return {"decision": decision, "reason": reason, "message": message}
