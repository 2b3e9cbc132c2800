"""One item of metadata, named alike in every format, and why a derivative may not have it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 120


class Why(StrEnum):
    """Why an item of a master is not in its derivative."""

    FORMAT = "format"
    THUMBNAIL = "thumbnail"
    LAYERS = "layers"
    STORAGE = "storage"
    PICTURE = "picture"
    POINTER = "pointer"
    SIGNATURE = "signature"
    UNSAFE = "unsafe"
    BROKEN = "broken"
    TRAILER = "trailer"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of metadata.

    Attributes:
        what: its name, the same in every format that has it; each name occurs once in an inventory.
        digest: of its value, the same in every format.
        shown: its value in short; empty for blocks of bytes.
        why: the reason where it is known beforehand that no derivative has it, else empty.
        numbers: a resolution's values, which formats round.
    """

    what: str
    digest: str
    shown: str = ""
    why: str = ""
    numbers: tuple[float, ...] = ()


def item(what: str, value: bytes | str, shown: str = "", why: Why | None = None) -> Item:
    """Return an item with the digest of its value."""
    data = value.encode(errors="surrogatepass") if isinstance(value, str) else value
    return Item(what, hashlib.sha256(data).hexdigest(), shorten(shown), str(why or ""))


def shorten(text: str) -> str:
    """Return a text on one line of at most `LONGEST` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
