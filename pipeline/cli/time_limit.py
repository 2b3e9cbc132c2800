"""Times of day as commands take them, and durations as they show them."""

from __future__ import annotations

import time


def next_time(text: str) -> float:
    """Return the next moment at which the local clock shows HH:MM, in seconds since the epoch.

    Raises:
        ValueError: the text is not of the form HH:MM.
    """
    try:
        moment = time.strptime(text, "%H:%M")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time of day; write it as HH:MM, e.g. 06:30") from error
    now = time.localtime()
    due = time.mktime((*now[:3], moment.tm_hour, moment.tm_min, 0, *now[6:8], -1))
    return due if due > time.time() else due + 86400.0


def format_duration(seconds: float) -> str:
    """Return H:MM:SS."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
