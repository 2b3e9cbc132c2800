"""When a collection is restored: at fixed times, when files arrive in its inbox, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

if TYPE_CHECKING:
    from pipeline.settings import Collection


def schedule(collection: Collection) -> CronTriggerTimetable | AssetOrTimeSchedule | Asset | None:
    """Return the schedule of one collection's DAG; None when it is only started by hand.

    Raises:
        AirflowTimetableInvalid: the schedule is not a cron expression.
    """
    timetable = None
    if collection.schedule:
        timetable = CronTriggerTimetable(collection.schedule, timezone=collection.timezone)
        # Now and not when the DAG is serialised: there the error would not name its collection.
        timetable.validate()
    if collection.watch is None:
        return timetable
    inbox = _inbox_asset(collection)
    return AssetOrTimeSchedule(timetable=timetable, assets=inbox) if timetable else inbox


def _inbox_asset(collection: Collection) -> Asset:
    """Return the asset of the inbox, with a watcher that creates an asset event when files have settled in it."""
    # plugins/ is on the path wherever Airflow runs
    from inbox_trigger import InboxTrigger
    from queue_trigger import QueueTrigger

    watch = collection.watch
    assert watch is not None
    trigger: InboxTrigger | QueueTrigger
    if watch.queue:
        trigger = QueueTrigger(collection.inbox, watch.queue, watch.settle, collection.ignore, watch.marker)
    else:
        trigger = InboxTrigger(collection.inbox, watch.settle, watch.interval, watch.marker, collection.ignore)
    name = f"inbox of {collection.name}"
    return Asset(name, watchers=[AssetWatcher(name, trigger=trigger)])
