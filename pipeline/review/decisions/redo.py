"""Fill what a person decided, by the stages of an ordinary run.

A process of its own: `python -m pipeline.review.decisions.redo COLLECTION PATH`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from pipeline.escape import error_line, escape
from pipeline.ledger import reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch
from pipeline.review.access import User
from pipeline.review.decisions.decide import standing_mask
from pipeline.review.decisions.decided_masks import make_current
from pipeline.settings import Collection, Recipe


@dataclass(frozen=True)
class Problem:
    """Why a run failed.

    Attributes:
        text: in one line.
        address: of more about it, relative to the application; empty without a page.
    """

    text: str
    address: str = ""


class Redo(Protocol):
    """A way to start the run that fills a decided mask."""

    def start(self, collection: str, path: str, user: User) -> None:
        """Start it, without waiting for its end."""
        ...

    def problem(self, collection: str, path: str) -> Problem | None:
        """Return why the last run for a scan failed; None while it runs and after success."""
        ...


class LocalRedo:
    """Runs on this machine, one after another, each in a process of its own; one scan's runs are joined.

    Args:
        ledger: its results that wait to be filled, as after this program was stopped, are filled first.
        logs: folder for what a run that failed has written; none by default.
    """

    def __init__(self, ledger: Ledger | None = None, logs: Path | None = None) -> None:
        self._logs = logs
        self._waiting: deque[tuple[str, str]] = deque()
        self._problems: dict[tuple[str, str], str] = {}
        self._wake = threading.Condition()
        if ledger is not None:
            with ledger.read() as session:
                self._waiting.extend(reviews.waiting(session))
        threading.Thread(target=self._work, name="redo", daemon=True).start()

    def start(self, collection: str, path: str, user: User) -> None:
        """Put a scan at the end of the line, unless it waits already."""
        with self._wake:
            self._problems.pop((collection, path), None)
            if (collection, path) not in self._waiting:
                self._waiting.append((collection, path))
            self._wake.notify()

    def problem(self, collection: str, path: str) -> Problem | None:
        """Return the last line of the run that failed, and where the rest lies."""
        text = self._problems.get((collection, path))
        return Problem(text) if text else None

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._waiting:
                    self._wake.wait()
                collection, path = self._waiting.popleft()
            if problem := _run_apart(collection, path, self._logs):
                self._problems[collection, path] = problem


def _run_apart(collection: str, path: str, logs: Path | None) -> str:
    """Run in a process of its own; return its last words when it fails, and the file with all of them."""
    command = [sys.executable, "-W", "ignore", "-m", "pipeline.review.decisions.redo", collection, path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        # Whoever waits behind it is still to be filled.
        return error_line(error, 300)
    if not done.returncode:
        return ""
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if logs is None:
        return last
    # A name of its own for each scan: the last failure of each is kept.
    log = logs / f"{hashlib.sha256(f'{collection}/{path}'.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.log"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{collection}: {escape(path)}\n{done.stdout}{done.stderr}", encoding="utf-8")
    except OSError:
        return last
    return f"{last} (log: {log})"


def run(collection: str, path: str) -> None:
    """Restore one scan of a collection with the settings of its last batch.

    Raises:
        LookupError: the ledger knows no batch of the collection.
        RestorationError: the run could not be done; the message says why.
    """
    from pipeline.stages.batch import open_ledger
    from pipeline.stages.local_run import RunOptions, restore
    from pipeline.stages.run_summary import RunSummary

    with open_ledger().read() as session:
        batch = session.scalars(select(Batch).where(Batch.collection == collection).order_by(Batch.id.desc())).first()
        if batch is None:
            raise LookupError(f"the ledger knows no batch of {collection}")
        # A process that was killed when the decision was recorded may not have got as far as this.
        for waiting in reviews.waiting_for_mask(session, collection, path):
            make_current(waiting.output, path, standing_mask(session, waiting))
    wanted = (
        # The output may have been moved since, and the collection renamed.
        Collection.model_validate({**batch.settings, "name": collection, "output": batch.output})
        if batch.settings
        else Collection(
            name=collection, inbox=batch.inbox, output=batch.output, schedule=None, recipe=Recipe(**batch.recipe)
        )
    )
    summary = RunSummary(wanted.output, "")
    restore(wanted.model_copy(update={"recipients": ()}), RunOptions(source=path), summary)


if __name__ == "__main__":
    run(*sys.argv[1:])
