"""Reading what a BagIt bag (RFC 8493) says of its content."""

from __future__ import annotations

import re
from collections.abc import Iterable

DECLARATION = "bagit.txt"
PAYLOAD = "data/"
# From the strongest; of several manifests the first of these is the one that counts.
ALGORITHMS = {"sha512": 128, "sha256": 64, "md5": 32}
LINE = re.compile(r"(?P<digest>[0-9a-fA-F]+)[ \t]+\*?(?P<path>.+)")
ESCAPED = {"%0a": "\n", "%0d": "\r", "%25": "%"}


class BadManifest(ValueError):
    """A manifest that cannot be understood; says which line and why."""


def manifest_of(names: Iterable[str]) -> tuple[str, str] | None:
    """Return name and algorithm of the manifest that counts among the files of a bag, or None without one."""
    there = set(names)
    return next(((name, a) for a in ALGORITHMS if (name := f"manifest-{a}.txt") in there), None)


def is_tag(path: str) -> bool:
    """Return whether a path relative to a bag is one of the bag's own papers, and not content."""
    return not path.startswith(PAYLOAD)


def parse(data: bytes, algorithm: str, name: str) -> dict[str, str]:
    """Return the digests (lower-case hex) of a payload manifest by path relative to the bag.

    Args:
        data: the manifest as stored, UTF-8.
        name: of the manifest, for messages.

    Raises:
        BadManifest: it is cut off, or names a file outside the bag's payload.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadManifest(f"{name} is not UTF-8 text") from error
    found: dict[str, str] = {}
    # Not splitlines(), for which a form feed or U+2028 in a name would end the line.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        if match is None or len(match["digest"]) != ALGORITHMS[algorithm]:
            raise BadManifest(f"{name} line {number} is not a {algorithm} checksum and a name")
        path = re.sub("%0a|%0d|%25", lambda code: ESCAPED[code[0].lower()], match["path"], flags=re.IGNORECASE)
        path = path.removeprefix("./")
        if is_tag(path) or any(part in ("", ".", "..") for part in path.split("/")):
            raise BadManifest(f"{name} line {number} names {path!r}, which is not below data/")
        digest = match["digest"].lower()
        if found.setdefault(path, digest) != digest:
            raise BadManifest(f"{name} line {number} gives {path!r} a second checksum")
    return found
