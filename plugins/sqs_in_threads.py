"""SQS for Airflow's `MessageQueueTrigger` with boto3 in threads.

The provider's own client needs aiobotocore, which binds botocore to releases older than the one that is pinned here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.providers.amazon.aws.queues.sqs import SqsMessageQueueProvider
from airflow.providers.amazon.aws.triggers.sqs import SqsSensorTrigger
from airflow.providers.common.messaging.triggers import msg_queue

SCHEME = "sqs-in-threads"
# Its own, because each queue occupies a thread for as long as a request waits for messages.
POOL = ThreadPoolExecutor(max_workers=64, thread_name_prefix="sqs")


class Client:
    """A client whose calls can be awaited."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._client.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(_awaited, getattr(self._client, name))


class Hook(SqsHook):
    """Airflow's hook, its asynchronous connection made of the other one."""

    async def get_async_conn(self, *given: Any, **named: Any) -> Any:
        """Return a client to be used in `async with`."""
        return Client(await _awaited(self.get_conn))


class Sqs(SqsSensorTrigger):
    """Airflow's trigger on a queue, with that hook."""

    @property
    def hook(self) -> SqsHook:
        """The connection."""
        return Hook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )


class Provider(SqsMessageQueueProvider):
    """What `MessageQueueTrigger` finds by the scheme."""

    scheme = SCHEME

    def queue_matches(self, queue: str) -> bool:
        """Never: chosen by its scheme alone."""
        return False

    def trigger_class(self) -> type[SqsSensorTrigger]:
        """Return the trigger above."""
        return Sqs


async def _awaited(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Return what a call that blocks returns."""
    return await asyncio.get_running_loop().run_in_executor(POOL, partial(call, *given, **named))


# Providers that are installed packages are found by themselves; one in a plugin has to be told.
msg_queue.MESSAGE_QUEUE_PROVIDERS.append(Provider())
