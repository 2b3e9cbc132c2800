"""Which errors are retried, and for how long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.definitions.retry_policy import RetryDecision
from airflow.sdk.exceptions import AirflowFailException

from dags.restoration import retry_state
from dags.restoration.plain_failure import cause
from pipeline.errors import ConfigurationError, FinalError, StoreUnavailable, UnreadableScan, WeightsError
from pipeline.escape import error_line
from pipeline.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

# For a task that fails or is killed; one that waits for storage is retried for longer.
MAX_FAILURES = 6
WAIT_SECONDS = settings().wait_hours * 3600
# 30 s, 1, 2, 4 and 8 minutes: a restarted database or store is back by then.
FIRST_DELAY = timedelta(seconds=settings().retry_seconds)
MAX_DELAY = 20 * FIRST_DELAY
# 5 to 10 s, and three times as long each time. A killed task never asks the policy, and when its supervisor was killed
# too, 35 s have passed before anybody notices, while work should continue within a minute.
KILLED_DELAY = FIRST_DELAY / 6


class WaitOrFailRetryPolicy(ExceptionRetryPolicy):
    """Fails immediately where a retry cannot succeed, waits up to a day for a store, and gives up on the rest.

    The reason, which Airflow keeps with the task, is the error's own line.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return whether a task that ended with an error is retried, and after which delay."""
        exception = cause(exception)
        rule = super().evaluate(exception, try_number, max_tries, context)
        line = error_line(exception, 500)
        if context is None:
            return rule
        waits = isinstance(exception, StoreUnavailable)
        state = retry_state.count_error(context, waits=waits, memory=isinstance(exception, MemoryError))
        waits_on = waits and time.time() - state.waiting_since < WAIT_SECONDS
        if rule.action is RetryAction.FAIL or (state.failures >= MAX_FAILURES if not waits else not waits_on):
            retry_state.reset(context)
            return RetryDecision.fail(line)
        repeated = min(state.waits if waits else state.failures, 12)
        return RetryDecision.retry(min(FIRST_DELAY * 2 ** max(0, repeated - 1), MAX_DELAY), line)


RETRY_POLICY = WaitOrFailRetryPolicy(
    rules=[
        RetryRule(
            exception=[ConfigurationError, FinalError, WeightsError, UnreadableScan, AirflowFailException],
            action=RetryAction.FAIL,
            reason="A retry cannot succeed; the task log says what to fix",
        ),
    ]
)

RETRY_ARGS: dict[str, Any] = {
    # Never reached: the policy decides when to stop, and counts waiting apart from failures.
    "retries": 500,
    "retry_delay": KILLED_DELAY,
    "retry_exponential_backoff": 3,
    "max_retry_delay": MAX_DELAY,
    "retry_policy": RETRY_POLICY,
}
