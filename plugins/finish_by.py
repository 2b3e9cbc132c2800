"""The time of day by which a collection's batch must be done (`finish_by`), as a deadline reference of Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass
class FinishBy(BaseDeadlineReference):
    """The first time that the clock shows an hour after the time for which a run was scheduled.

    A scheduled run that starts late, after an outage, counts from when it should have started; so it may be late as
    soon as it starts. Airflow stores the class path and the arguments: renaming them breaks a running installation.
    """

    hour: str = "06:00"
    timezone: str = "UTC"
    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def serialize_reference(self) -> dict[str, Any]:
        """Return the arguments from which Airflow creates this again."""
        return {"reference_type": self.reference_name, "hour": self.hour, "timezone": self.timezone}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> FinishBy:
        """Return the reference that `serialize_reference` described."""
        return cls(reference_data["hour"], reference_data["timezone"])

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        """Return the deadline of a run, or None when there is no such run."""
        from airflow.models import DagRun
        from sqlalchemy import select

        due = session.scalar(select(DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return None if due is None else next_hour(due, self.hour, self.timezone)


def next_hour(moment: datetime, hour: str, timezone: str) -> datetime:
    """Return the first time after a moment at which the clock of a time zone shows an hour (`HH:MM`), in UTC."""
    zone = ZoneInfo(timezone)
    day = moment.astimezone(zone).date()
    while True:
        # A day later, not 24 hours: the clock may change in between.
        found = datetime.combine(day, time.fromisoformat(hour), zone).astimezone(UTC)
        if found > moment:
            return found
        day += timedelta(days=1)


class FinishByPlugin(AirflowPlugin):
    """Registers the deadline reference with the scheduler."""

    name = "finish_by"
    # Airflow declares an attribute of instances, but reads it from the class.
    deadline_references: ClassVar[list[type[FinishBy]]] = [FinishBy]  # type: ignore[misc]
