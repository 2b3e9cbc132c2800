"""What became of a task's earlier tries; Airflow keeps it beside the task, through retries and killed workers."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

KEY = "tries"


@dataclass(frozen=True)
class Tries:
    """Counts since the task first began, or was last given up.

    Attributes:
        began: tries that began, this one included.
        told: tries that ended with an error; those that were killed could not tell.
        waited: of these, because storage or ledger were away, or the output could not be written.
        memory: of these, because memory ran out.
        since: seconds since 1970 when waiting began; 0 when nothing was waited for.
    """

    began: int = 0
    told: int = 0
    waited: int = 0
    memory: int = 0
    since: float = 0.0

    @property
    def killed(self) -> int:
        """Try that ended without a word: killed, most likely for their memory."""
        return max(0, self.began - 1 - self.told)

    @property
    def failed(self) -> int:
        """Try that ended with an error that is no reason to wait."""
        return self.told - self.waited


def begin(context: Context) -> Tries:
    """Return the tries of a task as this one begins."""
    before = known(context)
    tries = replace(before, began=before.began + 1)
    _keep(context, tries)
    return tries


def judged(context: Context, *, waits: bool, memory: bool) -> Tries:
    """Return the tries of a task as this one has ended with an error."""
    tries = known(context)
    tries = replace(
        tries,
        told=tries.told + 1,
        waited=tries.waited + waits,
        memory=tries.memory + memory,
        since=(tries.since or time.time()) if waits else 0.0,
    )
    _keep(context, tries)
    return tries


def forget(context: Context) -> None:
    """Begins to count anew, for when somebody clears the task."""
    _keep(context, Tries())


def known(context: Context) -> Tries:
    store: Any = context.get("task_state_store")
    found = store.get(KEY) if store is not None else None
    if isinstance(found, dict):
        return Tries(**found)
    # Nothing is kept here: every earlier try counts as one that failed.
    before = max(0, context["ti"].try_number - 1) if store is None else 0
    return Tries(began=before, told=before)


def _keep(context: Context, tries: Tries) -> None:
    store: Any = context.get("task_state_store")
    if store is not None:
        store.set(KEY, asdict(tries))
