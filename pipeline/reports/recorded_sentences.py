"""Say recorded English sentences in the language of a report.

Other parts of the library record reasons and notes in English, in sidecars and in the ledger.
`recorded/<language>.yaml` has them with blanks, and the same in its language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.reports.language import NBSP

FOLDER = Path(__file__).parent / "recorded"
RECORDED_LANGUAGE = "en"
BLANK = re.compile(r"\\\{(\w+)\\\}")
# What may fill a blank of a name; any text fills the others.
BLANKS = {
    "detail": r"(?: \(.+\))?",
    **dict.fromkeys(("share", "limit"), r"\d+(?:\.\d+)?%"),
    "role": r"the [a-z ]{3,30}",
    # In quotes: what follows is another sentence.
    "path": r'"(?:[^"\\]|\\.)*"',
    **dict.fromkeys(("paint", "ground", "first", "second"), r"[a-z ]{3,14}"),
    **dict.fromkeys(("count", "number", "start"), r"[\d,]+"),
    # One sentence: the next is translated by itself.
    **dict.fromkeys(("note", "rest"), r"(?:(?!; ).)+"),
}
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
SHARE = re.compile(r"(\d+)\.?(\d*)%")


@dataclass(frozen=True)
class _Catalogue:
    """Sentences with blanks as patterns, each with its translation; and single words that fill blanks."""

    sentences: tuple[tuple[re.Pattern[str], str], ...]
    words: dict[str, str]


def translate(text: str, language: str) -> str:
    """Return recorded sentences, joined by `; `, in a language; a part that the catalogue lacks stays as it is."""
    if language == RECORDED_LANGUAGE or not text:
        return text
    catalogue = _catalogue(language)
    parts = text.split("; ")
    said = []
    while parts:
        # A sentence may itself contain a semicolon, so the longest that is known comes first.
        for count in range(len(parts), 0, -1):
            found = _whole("; ".join(parts[:count]), catalogue)
            if found or count == 1:
                said.append(found or parts[0])
                parts = parts[count:]
                break
    return "; ".join(said)


def _whole(text: str, catalogue: _Catalogue) -> str:
    """Return one sentence translated, empty when the catalogue lacks it."""
    if text in catalogue.words:
        return catalogue.words[text]
    for pattern, said in catalogue.sentences:
        if found := pattern.fullmatch(text):
            return said.format(**{name: _fill(value, catalogue) for name, value in found.groupdict("").items()})
    return ""


def _fill(value: str, catalogue: _Catalogue) -> str:
    """Return what fills a blank: a share as it is written, a known word or sentence translated, all else as it is."""
    if THOUSANDS.fullmatch(value):
        return value.replace(",", ".")
    if share := SHARE.fullmatch(value):
        return f"{share[1]}{',' if share[2] else ''}{share[2]}{NBSP}%"
    inner = value.removeprefix(" (").removesuffix(")")
    said = _whole(inner, catalogue)
    return value.replace(inner, said) if said else value


@lru_cache
def _catalogue(language: str) -> _Catalogue:
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    sentences = tuple((_pattern(recorded), said) for recorded, said in found["sentences"].items())
    return _Catalogue(sentences, found["words"])


def _pattern(recorded: str) -> re.Pattern[str]:
    """Return the pattern of a sentence with blanks."""
    filled = BLANK.sub(lambda blank: f"(?P<{blank[1]}>{BLANKS.get(blank[1], '.+?')})", re.escape(recorded))
    return re.compile(filled, re.DOTALL)
