"""How a task's earlier attempts ended; Airflow keeps it with the task, through retries and killed workers."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

KEY = "retry_state"


@dataclass(frozen=True)
class RetryState:
    """Counts since the task first started, or since it last failed.

    Attributes:
        attempts: attempts that started, the current one included.
        errors: attempts that ended with an error; one that was killed records none.
        waits: errors because storage or ledger did not answer, or the output could not be written.
        memory_errors: errors because memory ran out.
        waiting_since: seconds since 1970 when waiting began; 0 when the last error was none to wait for.
    """

    attempts: int = 0
    errors: int = 0
    waits: int = 0
    memory_errors: int = 0
    waiting_since: float = 0.0

    @property
    def killed(self) -> int:
        """Attempts that ended without recording an error, most likely killed for memory."""
        return max(0, self.attempts - 1 - self.errors)

    @property
    def failures(self) -> int:
        """Attempts that ended with an error that is no reason to wait."""
        return self.errors - self.waits


def count_attempt(context: Context) -> RetryState:
    """Return the state of a task with the attempt that starts now."""
    before = load(context)
    state = replace(before, attempts=before.attempts + 1)
    _save(context, state)
    return state


def count_error(context: Context, *, waits: bool, memory: bool) -> RetryState:
    """Return the state of a task with the error that ended the current attempt.

    Args:
        waits: the error is a reason to wait.
        memory: memory ran out.
    """
    before = load(context)
    state = replace(
        before,
        errors=before.errors + 1,
        waits=before.waits + waits,
        memory_errors=before.memory_errors + memory,
        waiting_since=(before.waiting_since or time.time()) if waits else 0.0,
    )
    _save(context, state)
    return state


def reset(context: Context) -> None:
    """Start counting from zero, for when somebody clears the task."""
    _save(context, RetryState())


def load(context: Context) -> RetryState:
    """Return the state as the last attempt left it."""
    store: Any = context.get("task_state_store")
    found = store.get(KEY) if store is not None else None
    if isinstance(found, dict):
        return RetryState(**found)
    # Without a store every earlier attempt counts as one that failed.
    before = max(0, context["ti"].try_number - 1) if store is None else 0
    return RetryState(attempts=before, errors=before)


def _save(context: Context, state: RetryState) -> None:
    store: Any = context.get("task_state_store")
    if store is not None:
        store.set(KEY, asdict(state))
