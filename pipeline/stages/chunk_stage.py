"""What all stages on a chunk share: isolation of failing scans, log lines, events, claims, the next manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pipeline import logs, storage
from pipeline.errors import (
    ConfigurationError,
    FinalError,
    InArchiveTier,
    OutputNotWritable,
    Reason,
    StoreUnavailable,
    UnreadableScan,
    WeightsError,
)
from pipeline.escape import error_line, quoted
from pipeline.imaging.mapped import NoRoom
from pipeline.ledger import Outcome, TaskContext, batches, claims, events, scans
from pipeline.provenance.events import STAGE_EVENTS, EventType
from pipeline.runtime.openvino import cores
from pipeline.settings import settings
from pipeline.stages import manifest
from pipeline.stages.artifacts import MasterGone
from pipeline.stages.batch import load_batch, open_ledger
from pipeline.stages.in_order import in_order
from pipeline.stages.order import Stage
from pipeline.stages.scan_row import COLUMNS, ScanRow, StepColumns, Stopped, failed, figures, quarantined, set_figures

Progress = Callable[[int], None]
Found = TypeVar("Found")

# Seconds after which waiting events are written: a task that is killed loses at most this much of its history.
FLUSH_EVERY = 5.0
# Attempts of a task after which running out of memory counts as the scan's own fault, and only that scan fails.
MEMORY_ATTEMPTS = 3


class ChunkStage:
    """One stage on one chunk.

    Args:
        chunk: URI of any manifest of the chunk.
        stage: which stage; its step names the manifest that it writes.
        progress: called with 1 for each scan that is done.
    """

    def __init__(self, chunk: str, stage: Stage, context: TaskContext | None, progress: Progress | None) -> None:
        self.stage, self.context, self.progress = stage, context or TaskContext(), progress
        self.columns = COLUMNS[stage]
        self.batch = load_batch(chunk)
        self.ledger = open_ledger()
        self.logger = logs.stage_logger(stage)
        self.target = manifest.sibling(chunk, stage.step)
        self.finished = storage.exists(self.target)
        self.rows = manifest.read(self.target if self.finished else manifest.sibling(chunk, stage.previous.step))
        # Scans that are worked on at a time.
        self.workers = 1
        self._events: list[events.EventRecord] = []
        self._flushed = self._renewed = time.monotonic()
        if self.finished:
            self.logger.info("stage=%s chunk=%s decision=skip: it was done by an earlier attempt", stage, self.target)
        else:
            with self.ledger.write() as session:
                claims.renew(session, self.batch.batch_id)
                chunks = batches.get(session, self.batch.collection.name, self.batch.name).chunks
            self.workers = 1 if self.context.halvings else workers(stage, chunks)

    def rows_to_process(self) -> Iterator[ScanRow]:
        """Yield the scans that this stage must process: neither stopped nor sharing another scan's result."""
        for row in self.rows:
            if not row.same_as and not row.is_stopped:
                yield row

    def process_rows(self, rows: Iterable[ScanRow], process: Callable[[ScanRow], StepColumns]) -> None:
        """Process scans, several at a time, and finish them in order; an error in one stops only this scan.

        Args:
            process: called in threads; it leaves the row as it is.

        Raises:
            StoreUnavailable, MemoryError: another attempt may succeed; so it may where the disk for temporary files is
                full, which is raised as OutputNotWritable.
            ConfigurationError, WeightsError, FinalError: no attempt can.
        """

        def timed(row: ScanRow) -> tuple[StepColumns | Stopped, float]:
            started = time.perf_counter()
            return self.guarded(row, lambda: process(row)), time.perf_counter() - started

        for row, (found, seconds) in self.in_order(rows, timed):
            self.finish_row(row, found, seconds)

    def in_order(self, rows: Iterable[ScanRow], work: Callable[[ScanRow], Found]) -> Iterator[tuple[ScanRow, Found]]:
        """Yield scans with what was made of each, in order; those that found too little memory come last, one by one.

        Args:
            work: called in threads, with `guarded` around what may fail.
        """
        short: list[ScanRow] = []

        def attempt(row: ScanRow) -> tuple[Found] | None:
            try:
                return (work(row),)
            except MemoryError:
                if self.workers == 1:
                    raise
                return None

        for row, found in in_order(rows, attempt, row_pixels, self.workers):
            if found is None:
                short.append(row)
            else:
                yield row, found[0]
        if short:
            self.logger.warning("stage=%s memory ran out for %d scans; they follow one by one", self.stage, len(short))
            self.workers = 1
            yield from in_order(short, work, row_pixels, 1)

    def guarded(self, row: ScanRow, process: Callable[[], Found]) -> Found | Stopped:
        """Return what the processing found, or the decision to quarantine or fail the scan."""
        try:
            return process()
        except UnreadableScan as error:
            return quarantined(str(error.reason), error.message)
        except InArchiveTier as error:
            return quarantined(str(Reason.ARCHIVED), str(error.strerror))
        except MasterGone as error:
            check_inbox(self.batch.inbox)
            return failed(error.reason, error.message)
        except (StoreUnavailable, ConfigurationError, WeightsError, FinalError):
            raise
        except NoRoom as error:
            # The next scan would find none either, and a later attempt may.
            raise OutputNotWritable(str(error.strerror)) from error
        except MemoryError:
            if self.workers > 1 or (self.context.try_number and self.context.halvings < MEMORY_ATTEMPTS - 1):
                raise
            return failed("out-of-memory", "there was not enough memory for this scan, even by itself")
        except Exception as error:
            if isinstance(error, FileNotFoundError):
                # Raises InputVanished when the batch was given up and its work area removed.
                load_batch(self.batch.uri)
            self.logger.exception("scan=%s stage=%s raised an unexpected error", quoted(row.path), self.stage)
            message = f"{type(error).__name__} in {self.stage}: {error_line(error, 300)}"
            return failed("error", message)

    def finish_row(self, row: ScanRow, found: StepColumns | Stopped, seconds: float) -> None:
        """Add to a row what was found, write its log line, and queue its event."""
        row.update(found)
        setattr(row, f"{self.stage}_seconds", seconds)
        decision = row.decision or "done"
        self.log(row, decision, seconds)
        self._events.append(self.event(row, decision, seconds))
        self.tick()

    def log(self, row: ScanRow, decision: str, seconds: float) -> None:
        """Write a scan's log line."""
        found = figures(row, self.columns)
        for name in (f"{self.stage}_seconds", "decision", "outcome"):
            found.pop(name, None)
        review = found.pop("review_reason", "") or (row.review_reason if decision == Outcome.REVIEW else "")
        reason, message = (row.reason, row.message) if row.is_stopped else (review, "")
        self.logger.info(
            logs.scan_line(row.path, row.sha256, self.stage, decision, found, seconds, reason=reason, message=message)
        )

    def event(self, row: ScanRow, decision: str, seconds: float) -> events.EventRecord:
        """Return the event of this stage for one scan."""
        kind = EventType.QUARANTINE if decision == Outcome.QUARANTINED else STAGE_EVENTS[self.stage]
        found = figures(row, self.columns)
        return events.EventRecord(row.scan_id, str(self.stage), str(kind), decision, row.message, found, seconds)

    def tick(self, scans: int = 1) -> None:
        """Report progress, write waiting events, and renew the claims."""
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
        """Write the waiting events."""
        if self._events:
            with self.ledger.write() as session:
                events.append(session, self.batch.batch_id, self.context, self._events)
        self._events, self._flushed = [], time.monotonic()

    def save(self) -> str:
        """Return the URI of the stage's manifest, written after everything that it refers to."""
        for row in self.rows:
            if row.same_as:
                self._share(row)
        self.flush()
        manifest.write(self.target, self.rows)
        return self.target

    def _share(self, row: ScanRow) -> None:
        """Copy what this stage found on the same bytes under another name."""
        duplicate = next((other for other in self.rows if other.path == row.same_as), None)
        if duplicate is not None:
            row.update(duplicate.part(self.columns))
            row.update(Stopped(duplicate.decision, duplicate.reason, duplicate.message))
            return
        with self.ledger.read() as session:
            found = scans.find_duplicate(session, self.batch.collection.name, row.sha256, self.batch.recipe_digest)
        if found is None:
            message = f"the result of {row.same_as} is not in the ledger any more"
            row.update(failed("error", message))
            return
        earlier = found[1]
        published = {"mask_uri": earlier.mask_uri, "suggested_uri": earlier.suggested_uri}
        set_figures(row, {**earlier.figures, **published}, self.columns)


def row_pixels(row: ScanRow) -> int:
    """Return the pixels of a scan, 0 where its header could not be read."""
    return (row.width or 0) * (row.height or 0)


def workers(stage: Stage, chunks: int) -> int:
    """Return how many scans of a chunk are worked on at a time: a task's share of this process's cores.

    Args:
        stage: inpainting has all of them, as Airflow's pool `gpu` has one slot for each machine.
        chunks: of the batch; where they are fewer than the machine has slots for tasks, each has more cores.
    """
    if stage is Stage.INPAINT:
        return cores()
    return max(1, cores() // max(1, min(settings().task_slots, chunks)))


def check_inbox(inbox: str) -> None:
    """Return when there is an inbox from which a single scan may have been removed.

    Raises:
        StoreUnavailable: the whole inbox is gone, or empty, as an unmounted disk is.
    """
    try:
        if next(storage.list_files(inbox), None) is not None:
            return
    except (FileNotFoundError, NotADirectoryError):
        pass
    raise StoreUnavailable(f"{inbox}: the inbox is gone or empty; is it mounted, or the bucket there?")
