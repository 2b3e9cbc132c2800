"""List a local folder: everything a batch must account for, without following links out of it or in circles."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG

from pipeline.errors import ConfigurationError
from pipeline.imaging.suffixes import has_image_suffix
from pipeline.storage.entry import Entry, EntryKind, text_path
from pipeline.storage.errors import reading
from pipeline.storage.uris import local_path, local_uri


def list_files(root: str) -> Iterator[Entry]:
    """Yield the entries below a folder, by path in byte order; hidden names are skipped.

    A link to a file inside the root is a file. A link to a folder inside the root is skipped, because its files are
    listed in that folder; so loops cannot occur.
    """
    top = local_path(root)
    with reading(root):
        if not top.is_dir():
            top.lstat()
            yield from _entry(top, top.name, Path(os.path.realpath(top.parent)))
            return
        try:
            names = _sorted_names(top)
        except PermissionError as error:
            message = f"{root}: the folder cannot be listed; give this user permission to read and enter it"
            raise ConfigurationError(message) from error
    real_top = Path(os.path.realpath(top))
    # Explicit stack: Python's recursion limit must not limit the depth of folders.
    stack: list[tuple[str, Iterator[str]]] = [("", iter(names))]
    while stack:
        below, names_left = stack[-1]
        name = next(names_left, None)
        if name is None:
            stack.pop()
            continue
        path, full = below + name, top / (below + name)
        if not name.endswith("/"):
            with reading(root):
                yield from _entry(full, path, real_top)
            continue
        if has_image_suffix(name[:-1]):
            yield _as_entry(full, path[:-1], "directory", None)
        try:
            with reading(root):
                stack.append((path, iter(_sorted_names(full))))
        except PermissionError:
            yield _as_entry(full, path[:-1], "unreadable", None)
        except FileNotFoundError:
            continue


def stat(uri: str) -> Entry:
    """Return the entry of one file, as in a listing of it alone; a link to a file is that file."""
    full = local_path(uri)
    with reading(uri):
        status = full.stat()
    if not S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), uri)
    return _as_entry(full, full.name, "file", status)


def _sorted_names(folder: Path) -> list[str]:
    """Return the visible names in a folder; folders end in `/`, so that names sort as full paths do."""
    with os.scandir(folder) as entries:
        names = [e.name + "/" * e.is_dir(follow_symlinks=False) for e in entries if not e.name.startswith(".")]
    return sorted(names, key=os.fsencode)


def _entry(full: Path, path: str, real_top: Path) -> Iterator[Entry]:
    """Yield the entry of one name that is not a folder; nothing if it has just been deleted."""
    try:
        status = full.lstat()
        if not S_ISLNK(status.st_mode):
            yield _as_entry(full, path, "file" if S_ISREG(status.st_mode) else "special", status)
            return
        kind = _link_kind(full, real_top)
        if kind is not None:
            yield _as_entry(full, path, kind, full.stat() if kind == "file" else status)
    except FileNotFoundError:
        return
    except PermissionError:
        yield _as_entry(full, path, "unreadable", None)


def _link_kind(full: Path, real_top: Path) -> EntryKind | None:
    """Return the kind of a link; None for a link to a folder inside the root, whose files are listed there."""
    try:
        target = Path(os.path.realpath(full, strict=True))
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "link-dangling"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "link-dangling"
        raise
    if not target.is_relative_to(real_top):
        return "link-outward"
    if S_ISDIR(mode):
        return "directory" if has_image_suffix(full.name) else None
    return "file" if S_ISREG(mode) else "special"


def _as_entry(full: Path, path: str, kind: EntryKind, status: os.stat_result | None) -> Entry:
    """Return the entry of a name; `status` is None for what cannot be read."""
    if status is None:
        return Entry(text_path(path), local_uri(full), 0, 0.0, "", kind)
    etag = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    size = status.st_size if kind == "file" else 0
    return Entry(text_path(path), local_uri(full), size, status.st_mtime, etag, kind)
