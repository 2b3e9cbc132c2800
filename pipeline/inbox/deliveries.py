"""Decide whether a file's delivery is complete: its marker is there, or its bag is valid."""

from __future__ import annotations

from pipeline import logs, storage
from pipeline.escape import quoted
from pipeline.inbox import bags
from pipeline.inbox.listing import Inbox, InboxFile
from pipeline.ledger.database import Ledger

logger = logs.stage_logger("receive")


class Deliveries:
    """The deliveries of an inbox in one run; each is checked once, and only when it contains something new.

    Attributes:
        refused: the problem of each invalid bag, by folder; bags that are still arriving are not among them.
        checked: number of files of each valid bag, by folder.
    """

    def __init__(self, inbox: Inbox, ledger: Ledger) -> None:
        self.inbox, self.ledger = inbox, ledger
        self.refused: dict[str, str] = {}
        self.checked: dict[str, int] = {}
        self._complete: dict[str, bool] = {}

    def is_complete(self, found: InboxFile) -> bool:
        """Return whether the delivery that a file belongs to is complete.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        watch = self.inbox.collection.watch
        if found.bag is None and (watch is None or watch.marker is None):
            return True
        folder = found.path.rpartition("/")[0] if found.bag is None else f"bag {found.bag}"
        if folder not in self._complete:
            self._complete[folder] = self._is_valid(found.bag) if found.bag is not None else self._has_marker(found)
        return self._complete[folder]

    def _has_marker(self, found: InboxFile) -> bool:
        watch = self.inbox.collection.watch
        assert watch is not None and watch.marker is not None
        # Looked up by name, because a listing leaves hidden files out.
        return storage.exists(f"{found.entry.uri.rpartition('/')[0]}/{watch.marker}")

    def _is_valid(self, folder: str) -> bool:
        found = bags.check(self.inbox.bags[folder], self.ledger)
        name = quoted(self.inbox.prefix + folder or ".")
        if found.valid:
            self.checked[folder] = found.files
            logger.info("bag=%s decision=valid files=%d read=%d", name, found.files, found.read)
        elif found.incomplete:
            logger.info("bag=%s decision=waiting: %s", name, found.problem)
        else:
            self.refused[folder] = found.problem
            logger.warning("bag=%s decision=refused: %s; copy it again", name, found.problem)
        return found.valid
