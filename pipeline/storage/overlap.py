"""Detect locations that contain the same files."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.storage.uris import S3_SCHEMES, local_path, scheme, split_bucket


def overlap(one: str, other: str) -> bool:
    """Return whether two folders, files or URIs are the same, or one contains the other.

    Local paths are compared with links resolved and, for what exists, by device and inode, so that a second spelling on
    a case-insensitive file system is recognised too; `~` counts as the home folder and as a name. The keys of an object
    store are compared as text, without regard to repeated slashes.

    Raises:
        ValueError: a `file://` URI of another host.
    """
    if (scheme(one) == "file") != (scheme(other) == "file"):
        return False
    if scheme(one) != "file":
        first, second = _object_names(one), _object_names(other)
        common = min(len(first), len(second))
        return first[:common] == second[:common]
    return any(
        _is_within(first, second) or _is_within(second, first)
        for first in _resolved(local_path(one))
        for second in _resolved(local_path(other))
    )


def _object_names(uri: str) -> list[str]:
    """Return the store, the bucket and the names in the key of an object store's URI."""
    bucket, key = split_bucket(uri)
    store = "s3" if scheme(uri) in S3_SCHEMES else scheme(uri)
    return [store, bucket, *filter(None, key.split("/"))]


def _resolved(path: Path) -> set[Path]:
    """Return the places that a path may mean: verbs differ in whether they expand `~`."""
    # Not Path.resolve and Path.expanduser: they raise for a loop of links and for an unknown user.
    return {Path(os.path.realpath(spelled)) for spelled in (path, os.path.expanduser(path))}  # noqa: PTH111


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a resolved path is a folder or below it."""
    ancestors = (path, *path.parents)
    if folder in ancestors:
        return True
    identity = _identity(folder)
    return identity is not None and any(_identity(each) == identity for each in ancestors)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a path; None when it does not exist or cannot be reached."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
