"""Which errors another try can mend."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from pipeline.errors import ConfigurationError, StoreUnavailable, UnreadableScan, WeightsError

POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[ConfigurationError, WeightsError, UnreadableScan],
            action=RetryAction.FAIL,
            reason="The same again would fail the same way; the log says what to mend",
        ),
        RetryRule(
            exception=[StoreUnavailable, MemoryError, ConnectionError, TimeoutError],
            action=RetryAction.RETRY,
            reason="Storage, ledger, mail or memory may be free again later",
        ),
    ]
)

# 30 s, 1, 2, 4 and 8 minutes: a restarted database or store is back by then.
FIRST_DELAY = timedelta(seconds=float(os.environ.get("RESTORATION_RETRY_SECONDS", "30")))
RETRIES: dict[str, Any] = {
    "retries": 5,
    "retry_delay": FIRST_DELAY,
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": POLICY,
}
