"""Phrases, numbers and dates in each language."""

from __future__ import annotations

import math
import string
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import pipeline.digests
from pipeline.errors import ConfigurationError, Reason
from pipeline.inbox.redo import Again
from pipeline.ledger.outcome import Outcome
from pipeline.reports.attention import Cause
from pipeline.reports.language import FOLDER, Language

DIGESTS = Path(pipeline.digests.__file__).parent / "languages"


def phrases(code: str) -> dict[str, str]:
    return Language(code, (FOLDER, DIGESTS)).phrases


def test_languages_have_the_same_phrases_with_the_same_blanks() -> None:
    english, german = phrases("en"), phrases("de")
    assert english.keys() == german.keys()

    def blanks(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert not [key for key in english if blanks(english[key]) != blanks(german[key])]


@pytest.mark.parametrize("code", ["en", "de"])
def test_every_outcome_reason_and_cause_has_a_phrase(code: str) -> None:
    t = Language(code)
    assert all(t.has(f"outcome.{outcome}") and t.has(f"outcome_count.{outcome}.one") for outcome in Outcome)
    assert all(t.has(f"reason.{reason}") for reason in Reason)
    assert all(t.has(f"again.{again}.one") for again in Again)
    assert all(t.has(f"{kind}.{cause}") for cause in Cause for kind in ("cause", "group", "todo"))


def test_unknown_language_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'fr'.*known: de, en"):
        Language("fr")


def test_numbers() -> None:
    en, de = Language("en"), Language("de")
    assert en.number(1234567.891, 2) == "1,234,567.89"
    assert de.number(1234567.891, 2) == "1.234.567,89"
    assert en.number(-0.5, 1) == "−0.5"
    assert en.number(math.nan) == en.number(None) == "–"
    assert en.decibels(math.inf) == "∞\u00a0dB"
    assert (en.number(0.125, 2), en.number(0.375, 2), en.number(2.675, 2)) == ("0.12", "0.38", "2.67")
    assert (en.percent(0.1234), de.percent(0.1234)) == ("12.3%", "12,3\u00a0%")


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float32, np.float64])
def test_numbers_of_a_frame_are_formatted_like_any_other(kind: type[np.number]) -> None:
    t = Language("en")
    assert (t.number(kind(2), 1), t.percent(kind(1)), t.bytes(kind(7))) == ("2.0", "100.0%", "7\u00a0B")
    assert t.count("outcome_count.restored", int(kind(1))) == t.count("outcome_count.restored", kind(1))


def test_a_little_damage_is_never_shown_as_none() -> None:
    t = Language("en")
    assert t.percent(0.0) == "0.0%"
    assert t.percent(0.00001, 2) == "<\u00a00.01%"


@pytest.mark.parametrize(("month", "shown"), [(1, "17:05\u00a0GMT"), (7, "18:05\u00a0IST")])
def test_irish_summer_time_is_not_called_gmt(month: int, shown: str) -> None:
    assert Language("en").time(datetime(2026, month, 21, 17, 5, tzinfo=UTC), "Europe/Dublin") == shown


def test_durations_and_sizes() -> None:
    t = Language("en")
    shown = [t.duration(s).replace("\u00a0", " ") for s in (0.04, 9.94, 59.4, 59.6, 402, 3599.6, 90061)]
    assert shown == ["0.0 s", "9.9 s", "59 s", "1 min 00 s", "6 min 42 s", "1 h 00 min", "25 h 01 min"]
    assert [t.bytes(n).replace("\u00a0", " ") for n in (0, 999, 1_500, 15_400_000)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "15 MB",
    ]


def test_dates_are_of_the_collections_time_zone() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert Language("en").date(late, "Europe/Berlin") == "21 November 2026"
    assert Language("en").date(late, "America/New_York", short=True) == "20 Nov 2026"
    assert Language("de").moment(late, "Europe/Berlin") == "21. November 2026, 00:30\u00a0MEZ"
    assert Language("en").time(late.replace(tzinfo=None), "UTC") == "23:30\u00a0UTC"
    assert Language("en").time(late, "America/New_York") == "18:30\u00a0EST", "CLDR has no British abbreviation for it"


def test_lists() -> None:
    t = Language("en")
    assert [t.join(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
