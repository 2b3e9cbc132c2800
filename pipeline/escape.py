"""Make text from outside (file names, metadata, other programs' errors) safe to show on a line, on a page, in a log.

HTML is not escaped here: Jinja2's autoescape does that for every value a template shows.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

# Joiners are needed to write several scripts and are harmless.
JOINERS = {"\u200c", "\u200d"}
# A cell that starts with one of these runs as a formula when a spreadsheet opens the file.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escape(text: str) -> str:
    r"""Return text with every unprintable character spelled out: a line feed as `\n`, undecodable bytes as `\udcff`.

    Unprintable is what `str.isprintable` says: control and format characters (among them the marks that turn the
    reading direction round), surrogates, unassigned and private characters, and every separator but the space.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _spelled(c) for c in text)


def visible(name: str, limit: int = 300) -> str:
    r"""Return a name as people may see it, clipped in the middle beyond `limit` characters.

    As `escape`, but spaces of any width and joiners stay as they are.
    """
    shown = name if name.isprintable() else "".join(c if _is_visible(c) else _spelled(c) for c in name)
    if len(shown) > limit:
        # The end of a name identifies it better than its middle: number, page, extension.
        tail = limit // 2
        shown = f"{shown[: limit - tail - 1]}…{shown[-tail:]}"
    return shown


def one_line(text: str, limit: int = 300) -> str:
    """Return text on one line: runs of white space become one space, all else as `visible`."""
    return visible(" ".join(text.split()), limit)


def error_line(error: BaseException, limit: int | None = None) -> str:
    """Return an error's message on one line, cut off after `limit` characters; its class where it has no message.

    An error of the operating system is its sentence and the file that it is about, without its number.
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    return escape(" ".join(text.split()))[:limit] or type(error).__name__


def without_formula(value: Any) -> Any:
    """Return a cell's value; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def quoted(text: str) -> str:
    """Return text in double quotes as JSON writes it, unprintable characters escaped: one field of a log line."""
    return escape(json.dumps(text, ensure_ascii=False))


def _is_visible(character: str) -> bool:
    return character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs"


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
