"""When a collection is restored: by the clock, when its inbox rings, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

if TYPE_CHECKING:
    from pipeline.settings import Collection


def schedule(collection: Collection) -> CronTriggerTimetable | AssetOrTimeSchedule | Asset | None:
    """Return the schedule of one collection's DAG.

    Raises:
        AirflowTimetableInvalid: the cron expression is none.
    """
    clock = None
    if collection.schedule:
        clock = CronTriggerTimetable(collection.schedule, timezone=collection.timezone)
        # Now, and not when the DAG is stored: there a mistake would not be named by its collection.
        clock.validate()
    if collection.watch is None:
        return clock
    bell = _inbox(collection)
    return AssetOrTimeSchedule(timetable=clock, assets=bell) if clock else bell


def _inbox(collection: Collection) -> Asset:
    """Return the asset that stands for the inbox, with the watcher that rings when files have settled in it."""
    # plugins/ is on the path wherever Airflow runs
    from inbox_trigger import InboxTrigger
    from queue_trigger import QueueTrigger

    watch = collection.watch
    assert watch is not None
    trigger: InboxTrigger | QueueTrigger
    if watch.queue:
        trigger = QueueTrigger(collection.inbox, watch.queue, watch.settle)
    else:
        trigger = InboxTrigger(collection.inbox, watch.settle, watch.interval, watch.marker)
    name = f"inbox of {collection.name}"
    return Asset(name, watchers=[AssetWatcher(name, trigger=trigger)])
