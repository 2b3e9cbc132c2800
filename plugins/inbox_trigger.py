"""The trigger that watches an inbox: a local folder or an S3 bucket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from pipeline.inbox.settling import Group

STATE_KEY = "rung"
LONGEST_PAUSE = 300.0
# Looks in a row that fail before everything that lies in the inbox is announced anew.
OUTAGE = 3


class InboxTrigger(BaseEventTrigger):
    """Fires once for each group of files that has settled in an inbox.

    An event is a doorbell: it names the inbox and how much lies there, and the run that it starts lists the inbox
    itself. A ring too many costs a look; so whatever is in doubt (lost state, a second triggerer) rings.

    Args:
        inbox: folder or URI that is listed.
        settle: seconds for which names, sizes and times must hold still.
        interval: seconds between two looks.
        marker: file name that says that a delivery is complete; without it the delivery is never announced.

    A folder with `bagit.txt` is a BagIt bag: whatever else is configured, it has settled when all files that its
    manifest names are there with the checksums that it names.
    """

    def __init__(self, inbox: str, settle: float = 30.0, interval: float = 10.0, marker: str | None = None) -> None:
        super().__init__()
        self.inbox = inbox
        self.settle = settle
        self.interval = interval
        self.marker = marker
        self._checks: dict[str, tuple[str, asyncio.Task[bool | None]]] = {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments that make this trigger again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"inbox": self.inbox, "settle": self.settle, "interval": self.interval, "marker": self.marker},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each look at which something had settled; never ends and never raises.

        Airflow only logs what a trigger raises and does not start it again soon, so a store that is away is
        waited for here, longer after each failure, and its absence logged once.
        """
        from pipeline.inbox.settling import SettlingTracker

        settling = SettlingTracker(self.settle, self.marker, await self._recall(), self._is_whole)
        failures = 0
        while True:
            try:
                current = await asyncio.to_thread(self._list, dict(settling.announced))
            except Exception as error:  # whatever a store raises, the watch goes on
                failures += 1
                if failures == 1:
                    self.log.warning("Inbox %s cannot be listed, watching on: %s", self.inbox, error)
            else:
                if failures:
                    self.log.info("Inbox %s can be listed again after %d failures", self.inbox, failures)
                if failures >= OUTAGE:
                    # A run may have failed because of it, and would not be started again for what was announced.
                    settling.announced.clear()
                failures = 0
                before = dict(settling.announced)
                settled = settling.update(current, time.monotonic())
                if settled:
                    files = sum(group.files for group in settled)
                    self.log.info("Inbox %s: %d files in %d folders have settled", self.inbox, files, len(settled))
                    yield TriggerEvent({"inbox": self.inbox, "files": files, "folders": len(settled)})
                if settling.announced != before:
                    # After the event, never before: a triggerer killed between the two rings twice, not never.
                    await self._remember(settling.announced)
            pause = min(self.interval * 2 ** min(failures, 8), max(LONGEST_PAUSE, self.interval))
            # At the moment when something may have settled, and not up to an interval later.
            due = None if failures else settling.due(time.monotonic())
            await asyncio.sleep(pause if due is None else min(pause, due + 0.01))

    def _is_whole(self, group: Group) -> bool | None:
        """Return whether a bag is whole; None as long as its checksums are calculated, or the store is away."""
        fingerprint, task = self._checks.get(group.folder, ("", None))
        if task is None or fingerprint != group.fingerprint:
            # Beside the watch: a large bag takes minutes, and other folders must not wait for it.
            task = asyncio.create_task(asyncio.to_thread(self._check, group))
            self._checks[group.folder] = group.fingerprint, task
            return None
        if not task.done():
            return None
        del self._checks[group.folder]
        return None if task.cancelled() else task.result()

    def _check(self, group: Group) -> bool | None:
        from pipeline.inbox import bags
        from pipeline.ledger.migrate import upgrade
        from pipeline.settings import settings

        try:
            found = bags.check(group.uri, upgrade(settings().ledger_url))
        except Exception as error:  # of the store or the ledger: the next look tries again
            self.log.warning("Bag %s cannot be checked now: %s", group.uri, error)
            return None
        if found.valid:
            self.log.info("Bag %s is valid: %d files, %d of them read now", group.uri, found.files, found.read)
        elif found.incomplete:
            self.log.info("Bag %s has not arrived yet: %s", group.uri, found.problem)
        else:
            self.log.warning("Bag %s is not taken: %s; copy it again", group.uri, found.problem)
        return found.valid

    def _list(self, rung: dict[str, str]) -> dict[str, Any]:
        """Return the groups that lie in the inbox, by folder."""
        from dataclasses import replace

        from pipeline.inbox.settling import groups
        from pipeline.storage import exists, join, list_files

        found = groups(list_files(self.inbox), self.marker)
        if self.marker is None:
            return found
        # A listing leaves hidden names out, and a marker usually is one: ask for it, but only where there is news.
        news = {folder for folder, group in found.items() if rung.get(folder) != group.fingerprint}
        return {
            folder: replace(group, marked=exists(join(self.inbox, *filter(None, [folder]), self.marker)))
            if folder in news and not group.marked
            else group
            for folder, group in found.items()
        }

    async def _recall(self) -> dict[str, str]:
        """Return what was announced before this triggerer started; nothing where that is not known."""
        if self.asset_state_store is None:
            return {}
        try:
            rung = await self.asset_state_store.aget(STATE_KEY, default={})
        except Exception as error:
            self.log.warning("Inbox %s: what was announced before is not known: %s", self.inbox, error)
            return {}
        return {str(k): str(v) for k, v in rung.items()} if isinstance(rung, dict) else {}

    async def _remember(self, rung: dict[str, str]) -> None:
        if self.asset_state_store is None:
            return
        try:
            await self.asset_state_store.aset(STATE_KEY, dict(rung))
        except Exception as error:
            self.log.warning("Inbox %s: the announcement cannot be kept: %s", self.inbox, error)
