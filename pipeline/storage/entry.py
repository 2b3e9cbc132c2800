"""Entries of a listing, with paths that are always valid text and safe to join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EntryKind = Literal["file", "directory", "link-outward", "link-dangling", "special", "unreadable"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing found below a root.

    Attributes:
        path: name relative to the root, `/`-separated, as found. It is valid text and safe to join: bytes that are not
            UTF-8 and components that would leave the root (`..`) are percent-escaped here, never in `uri`.
        uri: opens exactly this file.
        size: bytes; 0 for anything but a file.
        modified: seconds since 1970.
        etag: changes when the content does; compare it only with an etag of the same `uri`.
        kind: `file`, or why it cannot be read: `directory` (with an image's name), `link-outward`, `link-dangling`,
            `special` (pipe, socket, device), `unreadable` (a folder or file without read permission).
    """

    path: str
    uri: str
    size: int
    modified: float
    etag: str
    kind: EntryKind


def is_hidden(path: str) -> bool:
    """Return whether a component of a relative path starts with a dot; `.` and `..`, as keys may have, do not."""
    return any(part.startswith(".") and part not in (".", "..") for part in path.split("/"))


def text_path(path: str) -> str:
    """Return a relative path as text that can be stored and joined; most paths are returned unchanged.

    Bytes that are not UTF-8 (lone surrogates, as `os.fsdecode` leaves them), NUL and components that are empty or only
    dots are percent-escaped.
    """
    parts = []
    for part in path.split("/"):
        if part in ("", ".", ".."):
            part = part.replace(".", "%2E") or "%2F"
        elif "\0" in part or not _is_utf8(part):
            part = "".join(c if _is_utf8(c) and c not in "%\0" else _escaped(c) for c in part)
        parts.append(part)
    return "/".join(parts)


def _is_utf8(text: str) -> bool:
    """Return whether text can be encoded as UTF-8, that is, holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(character: str) -> str:
    """Return the percent escapes of a character's bytes; for a surrogate, of the byte that it represents."""
    try:
        data = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)
