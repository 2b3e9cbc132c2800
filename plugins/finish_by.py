"""The hour by which a collection's batch must be done, as a deadline that Airflow watches."""

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
    """The first time that a clock shows an hour after the moment for which a run was due.

    A night's run that starts late, after an outage, is due when it should have started; so it is late at once.
    """

    hour: str = "06:00"
    timezone: str = "UTC"
    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def serialize_reference(self) -> dict[str, Any]:
        """Return what makes this again."""
        return {"reference_type": self.reference_name, "hour": self.hour, "timezone": self.timezone}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> FinishBy:
        """Return it again."""
        return cls(reference_data["hour"], reference_data["timezone"])

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        due = session.scalar(select(DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return None if due is None else next_hour(due, self.hour, self.timezone)


def next_hour(moment: datetime, hour: str, timezone: str) -> datetime:
    """Return the first time after a moment at which a clock in a time zone shows an hour, in UTC."""
    zone = ZoneInfo(timezone)
    day = moment.astimezone(zone).date()
    while True:
        # Of the day, not 24 hours later: the clock may have been changed in between.
        found = datetime.combine(day, time.fromisoformat(hour), zone).astimezone(UTC)
        if found > moment:
            return found
        day += timedelta(days=1)


class FinishByPlugin(AirflowPlugin):
    """Makes the deadline known to the scheduler."""

    name = "finish_by"
    deadline_references: ClassVar[list[type[FinishBy]]] = [FinishBy]
