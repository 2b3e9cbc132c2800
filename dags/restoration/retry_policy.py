"""Which errors another try can mend, and for how long it is tried."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.definitions.retry_policy import RetryDecision

from dags.restoration import retry_state
from pipeline.errors import ConfigurationError, StoreUnavailable, UnreadableScan, WeightsError
from pipeline.escape import error_line
from pipeline.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

# Of a task that fails or is killed; one that waits for storage is tried for longer.
MOST_TRIES = 6
WAIT_SECONDS = settings().wait_hours * 3600
# 30 s, 1, 2, 4 and 8 minutes: a restarted database or store is back by then.
FIRST_DELAY = timedelta(seconds=settings().retry_seconds)
LONGEST_DELAY = 20 * FIRST_DELAY
# 5 to 10 s, and three times as long each time: why a task was killed nobody can say. When its supervisor was killed
# with it, 35 s have gone by already, and the work is to go on within a minute.
KILLED_DELAY = FIRST_DELAY / 6


class Judgement(ExceptionRetryPolicy):
    """Fails at once what the same again cannot mend, waits a day for what somebody will mend, and gives up the rest.

    The reason, which Airflow keeps with the task, is the error's own line.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return what is to become of a task that ended with an error."""
        rule = super().evaluate(exception, try_number, max_tries, context)
        line = error_line(exception, 500)
        if context is None:
            return rule
        waits = isinstance(exception, StoreUnavailable)
        known = retry_state.judged(context, waits=waits, memory=isinstance(exception, MemoryError))
        patient = waits and time.time() - known.since < WAIT_SECONDS
        if rule.action is RetryAction.FAIL or (known.failed >= MOST_TRIES if not waits else not patient):
            retry_state.forget(context)
            return RetryDecision.fail(line)
        repeated = min(known.waited if waits else known.failed, 12)
        return RetryDecision.retry(min(FIRST_DELAY * 2 ** max(0, repeated - 1), LONGEST_DELAY), line)


POLICY = Judgement(
    rules=[
        RetryRule(
            exception=[ConfigurationError, WeightsError, UnreadableScan],
            action=RetryAction.FAIL,
            reason="The same again would fail the same way; the log says what to mend",
        ),
    ]
)

RETRIES: dict[str, Any] = {
    # Never reached: the policy says when it is enough, and counts what waits apart from what fails.
    "retries": 500,
    "retry_delay": KILLED_DELAY,
    "retry_exponential_backoff": 3,
    "max_retry_delay": LONGEST_DELAY,
    "retry_policy": POLICY,
}
