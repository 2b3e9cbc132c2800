"""Detect locations that contain the same files."""

from __future__ import annotations

from pathlib import Path

from pipeline.storage.uris import local_path, scheme


def overlap(one: str, other: str) -> bool:
    """Return whether two folders, files or URIs are the same, or one contains the other.

    Local paths are compared with links resolved and, for what exists, by device and inode, so that a second spelling on
    a case-insensitive file system is recognised too. The keys of an object store are compared as text.
    """
    if scheme(one) != scheme(other):
        return False
    if scheme(one) != "file":
        first, second = one.rstrip("/") + "/", other.rstrip("/") + "/"
        return first.startswith(second) or second.startswith(first)
    first_path, second_path = local_path(one).expanduser().resolve(), local_path(other).expanduser().resolve()
    return _is_within(first_path, second_path) or _is_within(second_path, first_path)


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a resolved path is a folder or below it."""
    ancestors = (path, *path.parents)
    if folder in ancestors:
        return True
    return folder.exists() and any(each.exists() and each.samefile(folder) for each in ancestors)
