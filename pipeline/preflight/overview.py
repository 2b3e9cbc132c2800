"""Say in a few lines what a collection is: where from and where to, when it starts, and who gets mail."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter

from pipeline.escape import visible
from pipeline.settings import Collection

# Airflow's own word, which cron does not know.
QUARTERLY = {"@quarterly": "0 0 1 */3 *"}


def overview(collection: Collection, now: datetime) -> list[tuple[str, str]]:
    """Return label and text of each line about a collection.

    Args:
        now: an aware moment, after which the next start is looked for.
    """
    return [
        ("inbox", visible(collection.inbox)),
        ("output", visible(collection.output)),
        ("starts", "; ".join(starts(collection, now))),
        ("mail to", ", ".join(collection.recipients) or "nobody"),
    ]


def starts(collection: Collection, now: datetime) -> list[str]:
    """Return what starts a collection, each as a phrase."""
    found = []
    if watch := collection.watch:
        what = f"of the queue {watch.queue}" if watch.queue else "when files arrive"
        when = f"with {watch.marker}" if watch.marker else f"{watch.settle:g} s after the last"
        found.append(f"{what}, {when}")
    if collection.schedule:
        found.append(f'"{collection.schedule}" in {collection.timezone}, next {next_start(collection, now)}')
    return found or ["only by hand"]


def next_start(collection: Collection, now: datetime) -> str:
    """Return when the schedule starts a collection next, in its time zone, and in this machine's where that differs."""
    zone = ZoneInfo(collection.timezone)
    expression = collection.schedule or ""
    moment: datetime = croniter(QUARTERLY.get(expression, expression), now.astimezone(zone)).get_next(datetime)
    text, local = f"{moment:%a %-d %b %H:%M}", moment.astimezone()
    return text if local.utcoffset() == moment.utcoffset() else f"{text}, which is {local:%a %H:%M} on this machine"
