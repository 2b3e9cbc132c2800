"""The BagIt format (RFC 8493): which files belong to a bag, and what its manifest says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

DECLARATION = "bagit.txt"
PAYLOAD = "data/"
# Strongest first; of several manifests the first of these is checked.
ALGORITHMS = {"sha512": 128, "sha256": 64, "md5": 32}
LINE = re.compile(r"(?P<digest>[0-9a-fA-F]+)[ \t]+\*?(?P<path>.+)")
TAG_NAME = re.compile(r"bagit\.txt|bag-info\.txt|fetch\.txt|(tag)?manifest-[a-z0-9]+\.txt")
ESCAPED = {"%0a": "\n", "%0d": "\r", "%25": "%"}
ENCODED = str.maketrans({character: code.upper() for code, character in ESCAPED.items()})


class InvalidManifest(ValueError):
    """A manifest that cannot be parsed; the message says which line and why."""


def bag_of(path: str, bags: Mapping[str, object] | set[str]) -> str | None:
    """Return the outermost bag that contains a path, or None.

    Args:
        path: of a file, relative to the inbox.
        bags: folders that are bags.
    """
    parts = path.split("/")[:-1]
    return next((f for count in range(len(parts) + 1) if (f := "/".join(parts[:count])) in bags), None)


def find_manifest(names: Iterable[str]) -> tuple[str, str] | None:
    """Return name and algorithm of a bag's strongest payload manifest, or None if it has none."""
    present = set(names)
    return next(((name, a) for a in ALGORITHMS if (name := f"manifest-{a}.txt") in present), None)


def is_tag_name(name: str) -> bool:
    """Return whether a file's name is one that a bag's own files have: its manifests decide whether it is complete."""
    return bool(TAG_NAME.fullmatch(name))


def is_tag_file(path: str) -> bool:
    """Return whether a path relative to a bag is one of the bag's tag files and not payload."""
    return not path.startswith(PAYLOAD)


def encode_path(path: str) -> str:
    """Return a path as a manifest writes it (RFC 8493, 2.1.3): line ends and percent signs are encoded."""
    return path.translate(ENCODED)


def parse_manifest(data: bytes, algorithm: str, name: str) -> dict[str, str]:
    """Return the digests (lower-case hex) of a payload manifest by path relative to the bag.

    Args:
        data: the manifest as stored, UTF-8.
        name: of the manifest, for messages.

    Raises:
        InvalidManifest: it is cut off, or names a file outside the bag's payload.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidManifest(f"{name} is not UTF-8 text") from error
    digests: dict[str, str] = {}
    # Not splitlines(), for which a form feed or U+2028 in a name would end the line.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        if match is None or len(match["digest"]) != ALGORITHMS[algorithm]:
            raise InvalidManifest(f"{name} line {number} is not a {algorithm} checksum and a name")
        path = re.sub("%0a|%0d|%25", lambda code: ESCAPED[code[0].lower()], match["path"], flags=re.IGNORECASE)
        path = path.removeprefix("./")
        if is_tag_file(path) or any(part in ("", ".", "..") for part in path.split("/")):
            raise InvalidManifest(f"{name} line {number} names {path!r}, which is not below data/")
        digest = match["digest"].lower()
        if digests.setdefault(path, digest) != digest:
            raise InvalidManifest(f"{name} line {number} gives {path!r} a second checksum")
    return digests
