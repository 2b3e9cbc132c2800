"""A message queue provider for SQS that calls boto3 in threads.

The provider of Airflow's Amazon package needs aiobotocore, which requires an older botocore than the pinned one.
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
# Each queue occupies a thread while a request waits for messages; asyncio's default pool would soon be full.
POOL = ThreadPoolExecutor(max_workers=64, thread_name_prefix="sqs")


class AsyncClient:
    """A boto3 client whose methods can be awaited."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._client.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(_run_in_pool, getattr(self._client, name))


class ThreadedSqsHook(SqsHook):
    """Airflow's hook, with an asynchronous connection made of its synchronous one."""

    async def get_async_conn(self, *given: Any, **named: Any) -> Any:
        """Return a client to be used in `async with`."""
        return AsyncClient(await _run_in_pool(self.get_conn))


class ThreadedSqsTrigger(SqsSensorTrigger):
    """Airflow's trigger on a queue, with the hook above."""

    @property
    def hook(self) -> SqsHook:
        """Return a new hook on the trigger's connection."""
        return ThreadedSqsHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )


class ThreadedSqsProvider(SqsMessageQueueProvider):
    """The provider that `MessageQueueTrigger` finds by its scheme."""

    scheme = SCHEME

    def queue_matches(self, queue: str) -> bool:
        """Return False: this provider is chosen by its scheme alone."""
        return False

    def trigger_class(self) -> type[SqsSensorTrigger]:
        """Return the trigger above."""
        return ThreadedSqsTrigger


async def _run_in_pool(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Return what a blocking call returns."""
    return await asyncio.get_running_loop().run_in_executor(POOL, partial(call, *given, **named))


# Airflow finds providers of installed packages; one in a plugin has to be registered.
msg_queue.MESSAGE_QUEUE_PROVIDERS.append(ThreadedSqsProvider())
