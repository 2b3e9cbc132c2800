"""Times of day and durations on a command line."""

from __future__ import annotations

import time

import pytest

from pipeline.cli.time_limit import format_duration, next_time


@pytest.mark.parametrize("text", ["00:00", "12:30", "23:59"])
def test_the_next_time_of_day_is_within_a_day(text: str) -> None:
    # Where clocks change, a day has up to 25 hours.
    moment = next_time(text)
    assert 0 < moment - time.time() <= 25 * 3600 and time.strftime("%H:%M", time.localtime(moment)) == text


@pytest.mark.parametrize("text", ["", "24:00", "noon", "12:30:15"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        next_time(text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (100000, "27:46:40")])
def test_durations_are_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
