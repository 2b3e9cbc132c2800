"""The trigger that listens to a queue (SQS) into which a bucket puts its notifications."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

LONGEST_PAUSE = 300.0
# Seconds for which one request waits for messages, and for which one that is under way delays the triggerer's end.
LONG_POLL = 5
# Seconds after which listening without an error counts as well again.
WELL = 60.0
# A delivery that never pauses is announced after so many settle times.
PATIENCE = 20
REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")


class QueueTrigger(BaseEventTrigger):
    """Fires once when notifications have come and then ceased for a while.

    Airflow's `MessageQueueTrigger` receives them and takes them off the queue. It would fire for every ten messages,
    end with the first error, and fire at once; so it is started again and again here, and its messages are gathered.
    An event is a doorbell: the run that it starts lists the inbox itself. It also rings once when it is started,
    for what a triggerer that was killed had taken off the queue and not yet announced.

    Args:
        inbox: URI below which a new object counts.
        queue_url: of the SQS queue.
        settle: seconds of silence after the last notification.
    """

    def __init__(self, inbox: str, queue_url: str, settle: float = 30.0) -> None:
        super().__init__()
        self.inbox = inbox
        self.queue_url = queue_url
        self.settle = settle
        self._first = self._last = 0.0
        self._messages = 0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments that make this trigger again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"inbox": self.inbox, "queue_url": self.queue_url, "settle": self.settle},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each time that notifications have come and ceased; never ends and never raises."""
        self._first = self._last = time.monotonic()
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                now = time.monotonic()
                if self._first and (now - self._last >= self.settle or now - self._first >= PATIENCE * self.settle):
                    messages, self._messages, self._first = self._messages, 0, 0.0
                    self.log.info("Inbox %s: %d notifications have come in", self.inbox, messages)
                    yield TriggerEvent({"inbox": self.inbox, "messages": messages})
                await asyncio.sleep(min(1.0, max(0.05, self.settle / 4)))
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        """Receive messages for ever; a queue that is away is asked again, later after each failure."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                async for event in self._queue().run():
                    self._hear(event.payload)
                if failures:
                    self.log.info("Queue %s answers again after %d failures", self.queue_url, failures)
                failures = 0
            except Exception as error:  # whatever the queue's client raises, the watch goes on
                # One that listened for a while before has been well again without a message to tell it.
                failures = 1 if time.monotonic() - began > WELL else failures + 1
                if failures == 1:
                    self.log.warning("Queue %s does not answer, listening on: %s", self.queue_url, error)
                await asyncio.sleep(min(2.0**failures, LONGEST_PAUSE))

    def _queue(self) -> BaseEventTrigger:
        """Return Airflow's trigger on the queue; region and keys come from the usual AWS variables."""
        import sqs_in_threads
        from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger

        region = REGION.match(self.queue_url)
        return MessageQueueTrigger(
            scheme=sqs_in_threads.SCHEME,
            sqs_queue=self.queue_url,
            aws_conn_id=None,
            region_name=region[1] if region else None,
            max_messages=10,
            wait_time_seconds=LONG_POLL,
            waiter_delay=1,
        )

    def _hear(self, payload: Any) -> None:
        """Note the messages that are about this inbox."""
        from pipeline.storage.notifications import concerns

        batch = payload.get("message_batch", []) if isinstance(payload, dict) else []
        told = sum(1 for message in batch if concerns(str(message.get("Body", "")), self.inbox))
        if told:
            self._messages += told
            self._last = time.monotonic()
            self._first = self._first or self._last
