"""One language: its phrases, and how it writes numbers, dates and times."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from pipeline.errors import ConfigurationError

FOLDER = Path(__file__).parent / "languages"
NBSP = "\u00a0"
NONE = "–"


class Language:
    """Phrases by dotted key, and formats. Called from templates as `t`; all it returns is plain text, not HTML.

    Args:
        code: `en` or `de`: a file of that name must stand in every folder.
        folders: where the phrases are read; a later folder adds to an earlier one.

    Raises:
        ConfigurationError: there is no such language.
    """

    def __init__(self, code: str, folders: Iterable[Path] = (FOLDER,)) -> None:
        self.code = code
        self.phrases: dict[str, str] = {}
        for folder in folders:
            self.phrases |= _phrases(folder / f"{code}.yaml")
        self.decimal = self.phrases["format.decimal"]
        self.thousands = self.phrases["format.thousands"]

    def __call__(self, key: str, **values: object) -> str:
        """Return the phrase of a key with its values filled in."""
        return self.phrases[key].format(**values)

    def has(self, key: str) -> bool:
        """Return whether there is a phrase for a key, e.g. for a reason that another part of the library made up."""
        return key in self.phrases

    def count(self, key: str, n: int, **values: object) -> str:
        """Return the phrase for that many: `<key>.one` or `<key>.other`, with `{n}` filled in."""
        return self(f"{key}.{'one' if n == 1 else 'other'}", n=self.number(n), **values)

    def join(self, parts: Iterable[str]) -> str:
        """Return parts as a list in a sentence: `a, b and c`."""
        *first, last = list(parts) or [""]
        return f"{', '.join(first)} {self('format.and')} {last}" if first else last

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number with this language's separators; a dash when there is none."""
        if value is None or math.isnan(value):
            return NONE
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        text = f"{value:,.{digits}f}".replace("-", "−")
        return text.translate({ord(","): self.thousands, ord("."): self.decimal})

    def percent(self, share: float | None, digits: int = 1) -> str:
        """Return a share in 0..1 as a percentage; what is above nothing never reads as nothing."""
        if share is None or math.isnan(share):
            return NONE
        least = 10.0**-digits
        gap = self("format.percent_gap")
        if 0 < share * 100 < least:
            return f"<{NBSP}{self.number(least, digits)}{gap}%"
        return f"{self.number(share * 100, digits)}{gap}%"

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
        months = self("format.months_short" if short else "format.months").split()
        return self("format.date", day=local.day, month=months[local.month - 1], year=local.year)

    def time(self, moment: datetime, timezone: str) -> str:
        """Return the time of day of a moment in a time zone, with the zone's name."""
        local = in_zone(moment, timezone)
        zone = local.tzname() or ""
        return f"{local:%H:%M}{NBSP}{self.phrases.get(f'zone.{zone}', zone)}"

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
    # The base loader leaves every key and value a string: `true:` is a word here.
    return dict(_flat("", yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)))


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, str(value)
