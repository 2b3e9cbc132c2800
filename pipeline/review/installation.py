"""What the review knows of the installation around it: collections, and how their runs stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.errors import ConfigurationError
from pipeline.settings import InForce, load_collections, settings


@dataclass(frozen=True)
class RunState:
    """How the runs of a collection stand.

    Attributes:
        paused: whether the scheduler starts none.
        next_run: when it starts the next one by the schedule, None without one.
    """

    paused: bool
    next_run: datetime | None


@dataclass(frozen=True)
class FailedTask:
    """A task that failed.

    Attributes:
        log: address of its log, relative to the application.
        in_last_run: whether it failed in the last run of its collection.
    """

    collection: str
    task: str
    at: datetime
    log: str
    in_last_run: bool


class Installation(Protocol):
    """A way to know the installation: Airflow's, or a collections file alone."""

    @property
    def has_scheduler(self) -> bool:
        """Whether something starts runs by itself."""
        ...

    def collections(self) -> InForce:
        """Return the collections in force, and one line for each mistake of their file."""
        ...

    def runs(self) -> Mapping[str, RunState]:
        """Return how the runs of each collection stand."""
        ...

    def failed_tasks(self) -> list[FailedTask]:
        """Return the tasks that failed lately, the latest first."""
        ...

    def run_address(self, dag_id: str, run_id: str) -> str:
        """Return the address of a run, relative to the application; empty where runs have none."""
        ...


class StandaloneInstallation:
    """The review by itself: what a collections file says, if there is one, and no scheduler."""

    has_scheduler = False

    def collections(self) -> InForce:
        """Return what is in the collections file; nothing where there is none."""
        path = settings().collections
        if not path.exists():
            return InForce((), ())
        try:
            found = load_collections(path)
        except ConfigurationError as error:
            return InForce((), (str(error),))
        return InForce(found.collections, tuple(f"{path}: {problem}" for problem in found.problems))

    def runs(self) -> Mapping[str, RunState]:
        """Return nothing."""
        return {}

    def failed_tasks(self) -> list[FailedTask]:
        """Return nothing."""
        return []

    def run_address(self, dag_id: str, run_id: str) -> str:
        """Return nothing."""
        return ""
