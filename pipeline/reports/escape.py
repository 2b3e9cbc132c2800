"""File names as people may safely see them."""

from __future__ import annotations

import unicodedata

# Other: control, format (among them the marks that turn reading direction round), surrogate, private use, unassigned.
# Line and paragraph separators break lines. Joiners are needed to write several scripts and are harmless.
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JOINERS = {"\u200c", "\u200d"}
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(name: str, limit: int = 300) -> str:
    """Return a name with every unprintable character spelled out, clipped in the middle beyond `limit` characters.

    A newline becomes `\\n`, a mark that would turn the reading direction round `\\u202e`. HTML is not escaped here: the
    templates escape all they show.
    """
    shown = "".join(_spelled(character) for character in name)
    if len(shown) > limit:
        # The end of a name tells more than its middle: number, page, extension.
        tail = limit // 2
        shown = f"{shown[: limit - tail - 1]}…{shown[-tail:]}"
    return shown


def one_line(text: str, limit: int = 300) -> str:
    """Return text on one line: runs of white space become one space, all else as `visible`."""
    return visible(" ".join(text.split()), limit)


def _spelled(character: str) -> str:
    if character in SHORT:
        return SHORT[character]
    if unicodedata.category(character) in HIDDEN and character not in JOINERS:
        code = ord(character)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    return character
