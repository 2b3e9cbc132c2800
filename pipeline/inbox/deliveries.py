"""Whether what lies in the inbox was delivered whole: its marker is there, or its bag's checksums match."""

from __future__ import annotations

from pipeline import logs, storage
from pipeline.inbox import bags
from pipeline.inbox.listing import Found, Inbox
from pipeline.ledger.database import Ledger

logger = logs.logger("receive")


class Deliveries:
    """The deliveries of an inbox in one run; each is looked at once, and only when there is something new in it.

    Attributes:
        refused: what is wrong with each bag that is not taken, by folder; one that still arrives is not among them.
        checked: files of each bag that was found whole, by folder.
    """

    def __init__(self, inbox: Inbox, ledger: Ledger) -> None:
        self.inbox, self.ledger = inbox, ledger
        self.refused: dict[str, str] = {}
        self.checked: dict[str, int] = {}
        self._complete: dict[str, bool] = {}

    def is_complete(self, found: Found) -> bool:
        """Return whether the delivery that a file belongs to may be taken.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        watch = self.inbox.collection.watch
        if found.bag is None and (watch is None or watch.marker is None):
            return True
        folder = found.path.rpartition("/")[0] if found.bag is None else f"bag {found.bag}"
        if folder not in self._complete:
            self._complete[folder] = self._bag(found.bag) if found.bag is not None else self._marked(found)
        return self._complete[folder]

    def _marked(self, found: Found) -> bool:
        watch = self.inbox.collection.watch
        assert watch is not None and watch.marker is not None
        # Asked for by its name: a listing leaves hidden ones out.
        return storage.exists(f"{found.entry.uri.rpartition('/')[0]}/{watch.marker}")

    def _bag(self, folder: str) -> bool:
        verdict = bags.check(self.inbox.bags[folder], self.ledger)
        name = logs.quoted(self.inbox.prefix + folder or ".")
        if verdict.whole:
            self.checked[folder] = verdict.files
            logger.info("bag=%s decision=whole files=%d read=%d", name, verdict.files, verdict.read)
        elif verdict.arriving:
            logger.info("bag=%s decision=waiting: %s", name, verdict.problem)
        else:
            self.refused[folder] = verdict.problem
            logger.warning("bag=%s decision=refused: %s; copy it again", name, verdict.problem)
        return verdict.whole
