"""Moments in the past as commands take them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

AGO = re.compile(r"(\d{1,6})\s*([hdw])", re.IGNORECASE)
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parse_moment(text: str) -> datetime:
    """Return a moment with its time zone: a date, a date with a time, or how long ago it was (`36h`, `7d`, `2w`).

    Without a zone the machine's own counts.

    Raises:
        ValueError: the text is none of these.
    """
    ago = AGO.fullmatch(text.strip())
    try:
        if ago:
            return datetime.now().astimezone() - int(ago[1]) * UNITS[ago[2].lower()]
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no moment; write 2026-11-20, 2026-11-20T18:00, 36h, 7d or 2w") from error
