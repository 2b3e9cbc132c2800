"""A trigger that watches an inbox: a folder, or a bucket that is listed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from pipeline.inbox.settling import Group

STATE_KEY = "announced"
MAX_PAUSE_SECONDS = 300.0
# After so many failed listings in a row everything in the inbox is announced again.
OUTAGE_FAILURES = 3


class InboxTrigger(BaseEventTrigger):
    """Creates one asset event for each group of files that has settled in an inbox.

    An event only says that there is something to do: it names the inbox and the number of files, and the run that it
    starts lists the inbox itself. A superfluous event costs one listing, so in doubt (state lost, a second triggerer)
    an event is created.

    Airflow stores the class path and the arguments of a trigger: renaming them breaks a running installation.

    Args:
        inbox: folder or URI that is listed.
        settle: seconds for which names, sizes and times must not change.
        interval: seconds between two listings.
        marker: name of a file that marks a complete delivery; a delivery without it is never announced.
        ignore: globs of files that are no scans; they announce nothing.

    A folder with `bagit.txt` is a BagIt bag: whatever else is configured, it has settled when all files of its manifest
    are there with the right checksums.
    """

    def __init__(
        self,
        inbox: str,
        settle: float = 30.0,
        interval: float = 10.0,
        marker: str | None = None,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Airflow
        self.inbox = inbox
        self.settle = settle
        self.interval = interval
        self.marker = marker
        self.ignore = list(ignore)
        self._checks: dict[str, tuple[str, asyncio.Task[bool | None]]] = {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments from which Airflow creates this trigger again."""
        arguments = {"inbox": self.inbox, "settle": self.settle, "interval": self.interval, "marker": self.marker}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments | {"ignore": self.ignore}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each listing in which something had settled; never ends and never raises.

        Airflow only logs what a trigger raises and does not restart it soon. So a store that does not answer is
        retried here, with a growing pause, and logged once.
        """
        from pipeline.inbox.settling import SettlingTracker

        settling = SettlingTracker(self.settle, self.marker, await self._load_announced(), self._is_whole)
        failures = 0
        while True:
            try:
                current = await asyncio.to_thread(self._list, dict(settling.announced))
            except Exception as error:  # whatever a store raises, the trigger goes on
                failures += 1
                if failures == 1:
                    self.log.warning("Inbox %s cannot be listed and is retried: %s", self.inbox, error)
            else:
                if failures:
                    self.log.info("Inbox %s can be listed again after %d failures", self.inbox, failures)
                if failures >= OUTAGE_FAILURES:
                    # A run may have failed in the same outage; nothing else would start it again.
                    settling.announced.clear()
                failures = 0
                before = dict(settling.announced)
                settled = settling.update(current, time.monotonic())
                if settled:
                    files = sum(group.files for group in settled)
                    self.log.info("Inbox %s: %d files in %d folders have settled", self.inbox, files, len(settled))
                    yield TriggerEvent({"inbox": self.inbox, "files": files, "folders": len(settled)})
                if settling.announced != before:
                    # After the event: a triggerer killed between the two creates the event twice instead of never.
                    await self._save_announced(settling.announced)
            pause = min(self.interval * 2 ** min(failures, 8), max(MAX_PAUSE_SECONDS, self.interval))
            # When something is about to settle: then, and not up to an interval later.
            due = None if failures else settling.due(time.monotonic())
            await asyncio.sleep(pause if due is None else min(pause, due + 0.01))

    def _is_whole(self, group: Group) -> bool | None:
        """Return whether a bag is valid; None while its checksums are calculated, or when the store does not answer."""
        fingerprint, task = self._checks.get(group.folder, ("", None))
        if task is None or fingerprint != group.fingerprint:
            # In a thread: a large bag takes minutes, and other folders must not wait for it.
            task = asyncio.create_task(asyncio.to_thread(self._check, group))
            self._checks[group.folder] = group.fingerprint, task
            return None
        if not task.done():
            return None
        del self._checks[group.folder]
        return None if task.cancelled() else task.result()

    def _check(self, group: Group) -> bool | None:
        from pipeline.inbox import bags
        from pipeline.ledger.migrate import shared_ledger
        from pipeline.settings import settings

        try:
            found = bags.check(group.uri, shared_ledger(settings().ledger_url))
        except Exception as error:  # of the store or the ledger: checked again with the next listing
            self.log.warning("Bag %s cannot be checked now: %s", group.uri, error)
            return None
        if found.valid:
            self.log.info("Bag %s is valid: %d files, %d of them read now", group.uri, found.files, found.read)
        elif found.incomplete:
            self.log.info("Bag %s has not arrived yet: %s", group.uri, found.problem)
        else:
            self.log.warning("Bag %s is not taken: %s; copy it again", group.uri, found.problem)
        return found.valid

    def _list(self, announced: dict[str, str]) -> dict[str, Group]:
        """Return the groups of files in the inbox, by folder."""
        from dataclasses import replace

        from pipeline.inbox.settling import groups
        from pipeline.storage import exists, join, list_files

        found = groups(list_files(self.inbox), self.marker, self.ignore)
        if self.marker is None:
            return found
        # Listings omit hidden names, and a marker usually is one; so look for it, but only in folders that changed.
        changed = {folder for folder, group in found.items() if announced.get(folder) != group.fingerprint}
        return {
            folder: replace(group, marked=exists(join(self.inbox, *filter(None, [folder]), self.marker)))
            if folder in changed and not group.marked
            else group
            for folder, group in found.items()
        }

    async def _load_announced(self) -> dict[str, str]:
        """Return the fingerprint announced last by folder; empty where that is not known."""
        if self.asset_state_store is None:
            return {}
        try:
            found = await self.asset_state_store.aget(STATE_KEY, default={})
        except Exception as error:
            self.log.warning("Inbox %s: what was announced before is not known: %s", self.inbox, error)
            return {}
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}

    async def _save_announced(self, announced: dict[str, str]) -> None:
        if self.asset_state_store is None:
            return
        try:
            await self.asset_state_store.aset(STATE_KEY, dict(announced))
        except Exception as error:
            self.log.warning("Inbox %s: what was announced cannot be saved: %s", self.inbox, error)
