"""A trigger that receives a bucket's notifications from an SQS queue."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

MAX_PAUSE_SECONDS = 300.0
# How long one request waits for messages; a request under way delays the end of the trigger for as long.
LONG_POLL_SECONDS = 5
# After so many seconds without an error the next failure counts as the first again.
HEALTHY_AFTER_SECONDS = 60.0
# A delivery that never pauses is announced after so many settle times.
MAX_SETTLE_TIMES = 20
REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")


class QueueTrigger(BaseEventTrigger):
    """Creates one asset event when notifications have arrived and then paused for a while.

    Airflow's `MessageQueueTrigger` receives messages and removes them from the queue, but it fires for every ten of
    them, without a pause, and ends with the first error. So it is restarted here in a loop, and messages are counted
    until they pause. An event only says that there is something to do: the run that it starts lists the inbox itself.
    One event is also created at the start, for messages that a killed triggerer had received and not yet announced.

    Airflow stores the class path and the arguments of a trigger: renaming them breaks a running installation.

    Args:
        inbox: URI below which a new object counts.
        queue_url: of the SQS queue.
        settle: seconds of silence after the last notification.
        ignore: globs of files that are no scans; they announce nothing.
        marker: name of a file that marks a complete delivery, whatever it is called.
    """

    def __init__(
        self,
        inbox: str,
        queue_url: str,
        settle: float = 30.0,
        ignore: Sequence[str] = (),
        marker: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Airflow
        self.inbox = inbox
        self.queue_url = queue_url
        self.settle = settle
        self.ignore = list(ignore)
        self.marker = marker
        self._first = self._last = 0.0
        self._messages = 0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments from which Airflow creates this trigger again."""
        arguments = {"inbox": self.inbox, "queue_url": self.queue_url, "settle": self.settle}
        more = {"ignore": self.ignore, "marker": self.marker}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments | more

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event each time that notifications have arrived and paused; never ends and never raises."""
        self._first = self._last = time.monotonic()
        receiving = asyncio.create_task(self._receive())
        try:
            while True:
                now = time.monotonic()
                paused, overdue = now - self._last >= self.settle, now - self._first >= MAX_SETTLE_TIMES * self.settle
                if self._first and (paused or overdue):
                    messages, self._messages, self._first = self._messages, 0, 0.0
                    self.log.info("Inbox %s: %d notifications have arrived", self.inbox, messages)
                    yield TriggerEvent({"inbox": self.inbox, "messages": messages})
                await asyncio.sleep(min(1.0, max(0.05, self.settle / 4)))
        finally:
            receiving.cancel()

    async def _receive(self) -> None:
        """Receive messages in an endless loop; a queue that does not answer is retried with a growing pause."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                async for event in self._message_queue().run():
                    self._count(event.payload)
                if failures:
                    self.log.info("Queue %s answers again after %d failures", self.queue_url, failures)
                failures = 0
            except Exception as error:  # whatever the queue's client raises, the trigger goes on
                # A long time without an error shows that the queue answered, even when no message came.
                failures = 1 if time.monotonic() - began > HEALTHY_AFTER_SECONDS else failures + 1
                if failures == 1:
                    self.log.warning("Queue %s does not answer and is retried: %s", self.queue_url, error)
                await asyncio.sleep(min(2.0**failures, MAX_PAUSE_SECONDS))

    def _message_queue(self) -> BaseEventTrigger:
        """Return Airflow's trigger on the queue; region and keys come from the usual AWS variables."""
        import sqs_provider
        from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger

        region = REGION.match(self.queue_url)
        return MessageQueueTrigger(
            scheme=sqs_provider.SCHEME,
            sqs_queue=self.queue_url,
            aws_conn_id=None,
            region_name=region[1] if region else None,
            max_messages=10,
            wait_time_seconds=LONG_POLL_SECONDS,
            waiter_delay=1,
        )

    def _count(self, payload: Any) -> None:
        """Count the messages that concern this inbox."""
        from pipeline.inbox.bagit import is_tag_name
        from pipeline.inbox.ignored import why_ignored
        from pipeline.storage.notifications import may_concern

        def is_wanted(path: str) -> bool:
            name = path.rpartition("/")[2]
            return name == self.marker or is_tag_name(name) or why_ignored(path, self.ignore) is None

        batch = payload.get("message_batch", []) if isinstance(payload, dict) else []
        count = sum(1 for message in batch if may_concern(str(message.get("Body", "")), self.inbox, is_wanted))
        if count:
            self._messages += count
            self._last = time.monotonic()
            self._first = self._first or self._last
