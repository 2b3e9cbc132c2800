"""Say what people read in their language: the page's phrases, refusals, and recorded events and reasons."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

import yaml
from babel.dates import format_datetime
from fastapi import Request

FOLDER = Path(__file__).parent / "languages"
LANGUAGES = ("en", "de")
Value = str | int | datetime


@cache
def phrases(language: str) -> dict[str, str]:
    """Return all phrases of a language by key."""
    found: dict[str, str] = yaml.safe_load((FOLDER / f"{language}.yaml").read_text("utf-8"))
    return found


def say(language: str, key: str, **values: Value) -> str:
    """Return a phrase with its values filled in; moments are written as the language does, in UTC."""
    written = {
        name: f"{format_datetime(value, 'medium', locale=language)} UTC" if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return phrases(language)[key].format(**written)


def say_term(language: str, group: str, term: str) -> str:
    """Return a recorded term, such as `fixity check`, in a language; as it is where the catalogue lacks it."""
    return phrases(language).get(f"{group}.{term}", term)


def preferred(header: str, default: str) -> str:
    """Return the first language of a browser's `Accept-Language` that there is."""
    for part in header.split(","):
        code = part.partition(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return default


def language_of(request: Request) -> str:
    """Return the language of a request: the browser's, else that of the application."""
    return preferred(request.headers.get("accept-language", ""), request.app.state.language)
