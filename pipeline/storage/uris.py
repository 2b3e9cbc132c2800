"""URIs: their scheme, and joining names to them safely.

A plain path is a local file. `file://` URIs are percent-decoded (RFC 8089) and become plain paths. All other URIs are
used literally: in `s3://bucket/50% #1?.png` every character after the bucket is the key.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

S3_SCHEMES = ("s3", "s3a", "s3n")
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def scheme(uri: str) -> str:
    """Return the scheme in lower case, `file` for plain paths."""
    found = SCHEME.match(uri)
    return found[1].lower() if found else "file"


def local_path(uri: str) -> Path:
    """Return the path of a local URI.

    Raises:
        ValueError: a `file://` URI of another host.
    """
    found = SCHEME.match(uri)
    if not found:
        return Path(uri)
    host, slash, path = uri[found.end() :].partition("/")
    if host not in ("", "localhost"):
        raise ValueError(f"{uri!r}: a file URI with a host cannot be opened; use file:///path")
    return Path(os.fsdecode(unquote_to_bytes(slash + path)))


def local_uri(path: Path) -> str:
    """Return the plain path, or a percent-encoded file URI if the path is not valid text."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "file://" + quote(os.fsencode(path.absolute()))
    return str(path)


def split_bucket(uri: str) -> tuple[str, str]:
    """Return bucket and key of an object store's URI, undecoded.

    Raises:
        ValueError: it is a plain path.
    """
    found = SCHEME.match(uri)
    if not found:
        raise ValueError(f"{uri!r} is not an object store's URI")
    bucket, _, key = uri[found.end() :].partition("/")
    return bucket, key


def join(root: str, *parts: str) -> str:
    """Return the URI of a name below a root.

    Raises:
        ValueError: a part is absolute, contains `..`, or holds a NUL byte.
    """
    names: list[str] = []
    for part in parts:
        pieces = part.split("/")
        if part.startswith("/") or ".." in pieces or "\0" in part:
            raise ValueError(f"{part!r} is not a name below {root!r}")
        names.extend(piece for piece in pieces if piece not in ("", "."))
    below = "/".join(names)
    if scheme(root) == "file":
        return local_uri(local_path(root) / below)
    return f"{root.rstrip('/')}/{below}" if below else root
