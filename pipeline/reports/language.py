"""The phrases of a language, and its numbers, dates, times and lists as CLDR has them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.lists import format_list
from babel.numbers import NumberPattern, parse_pattern

from pipeline.errors import ConfigurationError

FOLDER = Path(__file__).parent / "languages"
NBSP = "\u00a0"
NONE = "–"
MINUS = "−"


class Language:
    """Phrases by dotted key, and formats; templates call it `t`. All text it returns is plain, not HTML.

    Args:
        code: `en` or `de`: every folder must hold a file of that name.
        folders: read in this order; a later folder adds to the phrases of an earlier one. The first one's phrase
            `locale` names the language's CLDR locale.

    Raises:
        ConfigurationError: there is no such language.
    """

    def __init__(self, code: str, folders: Iterable[Path] = (FOLDER,)) -> None:
        self.code = code
        self.phrases: dict[str, str] = {}
        for folder in folders:
            self.phrases |= _phrases(folder / f"{code}.yaml")
        self.locale = Locale.parse(self.phrases["locale"])

    def __call__(self, key: str, **values: object) -> str:
        """Return the phrase of a key with values filled in."""
        return self.phrases[key].format(**values)

    def has(self, key: str) -> bool:
        """Return whether there is a phrase for a key, e.g. for a reason that another part of the library gives."""
        return key in self.phrases

    def count(self, key: str, n: int, **values: object) -> str:
        """Return the phrase for a count: `<key>.one` or `<key>.other`, with `{n}` filled in."""
        return self(f"{key}.{self.locale.plural_form(n)}", n=self.number(n), **values)

    def join(self, parts: Iterable[str]) -> str:
        """Return parts as a list in a sentence: `a, b and c`."""
        return format_list(list(parts), locale=self.locale)

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number with this language's separators; a dash when there is none."""
        if value is None or math.isnan(value):
            return NONE
        if math.isinf(value):
            return "∞" if value > 0 else f"{MINUS}∞"
        return self._formatted(Decimal(float(value)), self.locale.decimal_formats[None], digits)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """Return a share in 0..1 as a percentage; a share above 0 is never shown as 0."""
        if share is None or math.isnan(share):
            return NONE
        percentage = float(share * 100)
        least = 10.0**-digits
        pattern = self.locale.percent_formats[None]
        if 0 < percentage < least:
            return f"<{NBSP}{self._formatted(Decimal(least) / 100, pattern, digits)}"
        return self._formatted(Decimal(percentage) / 100, pattern, digits)

    def _formatted(self, value: Decimal, pattern: NumberPattern, digits: int) -> str:
        """Return a number with that many decimals; as a `Decimal` it is rounded by its exact binary value."""
        fixed = parse_pattern(pattern.pattern)
        fixed.frac_prec = (digits, digits)
        text: str = fixed.apply(value, self.locale)  # Babel leaves this untyped
        return text.replace("-", MINUS)

    def decibels(self, value: float | None) -> str:
        """Return a figure in decibels with one decimal."""
        text = self.number(value, 1)
        return text if text == NONE else f"{text}{NBSP}dB"

    def bytes(self, value: float | None) -> str:
        """Return a size in units of 1000 bytes."""
        if value is None or math.isnan(value):
            return NONE
        for unit in ("B", "kB", "MB", "GB"):
            if value < 999.5:
                return f"{self.number(value, 0 if unit == 'B' or value >= 10 else 1)}{NBSP}{unit}"
            value /= 1000
        return f"{self.number(value, 1)}{NBSP}TB"

    def duration(self, seconds: float | None) -> str:
        """Return a length of time in its two largest units."""
        if seconds is None or math.isnan(seconds):
            return NONE
        if seconds < 59.5:
            return f"{self.number(seconds, 1 if seconds < 9.95 else 0)}{NBSP}s"
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return f"{minutes}{NBSP}min{NBSP}{rest:02d}{NBSP}s"
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{self.number(hours)}{NBSP}h{NBSP}{minutes:02d}{NBSP}min"

    def date(self, moment: datetime, timezone: str, *, short: bool = False) -> str:
        """Return the day of a moment in a time zone, e.g. `21 November 2026`, or `21 Nov 2026` when short."""
        local = in_zone(moment, timezone)
        if short:
            return format_skeleton("yMMMd", local, local.tzinfo, locale=self.locale)
        return format_date(local.date(), "long", self.locale)

    def time(self, moment: datetime, timezone: str) -> str:
        """Return the time of day of a moment in a time zone, with the zone's abbreviation."""
        local = in_zone(moment, timezone)
        zone = get_timezone_name(local, "short", locale=self.locale)
        # Where CLDR has no abbreviation in this language it gives a long name or an offset. Irish summer time it takes
        # for GMT, because the zone's own rules count winter, not summer, as the deviation.
        if not zone.isalpha() or (zone == "GMT" and local.utcoffset()):
            zone = local.tzname() or zone
        return f"{format_time(local, 'short', local.tzinfo, self.locale)}{NBSP}{zone}"

    def moment(self, moment: datetime, timezone: str) -> str:
        """Return day and time of a moment in a time zone."""
        return f"{self.date(moment, timezone)}, {self.time(moment, timezone)}"


def in_zone(moment: datetime, timezone: str) -> datetime:
    """Return a moment in a time zone; one without a zone counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(timezone))


@lru_cache
def _phrases(path: Path) -> dict[str, str]:
    """Return the phrases of one file by dotted key."""
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml")))
        raise ConfigurationError(f"no language {path.stem!r} for reports (known: {known})")
    # The base loader keeps every key and value a string: `true:` is a word here.
    return dict(_flat("", yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)))


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, str(value)
