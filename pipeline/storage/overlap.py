"""Whether two places hold, or could hold, the same files."""

from __future__ import annotations

from pathlib import Path

from pipeline.storage.uris import local_path, scheme


def overlap(one: str, other: str) -> bool:
    """Return whether a folder, file or URI is another one, lies in it, or contains it.

    Local paths are compared with links resolved and, for what exists, by device and inode, so that a second spelling on
    a file system that ignores case is recognised too. The keys of an object store are compared as text.
    """
    if scheme(one) != scheme(other):
        return False
    if scheme(one) != "file":
        first, second = one.rstrip("/") + "/", other.rstrip("/") + "/"
        return first.startswith(second) or second.startswith(first)
    first_path, second_path = local_path(one).expanduser().resolve(), local_path(other).expanduser().resolve()
    return _lies_in(first_path, second_path) or _lies_in(second_path, first_path)


def _lies_in(path: Path, folder: Path) -> bool:
    """Return whether a resolved path is a folder or lies below it."""
    above = (path, *path.parents)
    if folder in above:
        return True
    return folder.exists() and any(each.exists() and each.samefile(folder) for each in above)
