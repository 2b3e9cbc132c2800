"""Local files; writing goes to a temporary name that is synced and then renamed."""

from __future__ import annotations

import errno
import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from pipeline.atomic_write import TEMPORARY, atomic_path, temporary_name
from pipeline.errors import OutputNotWritable
from pipeline.storage.errors import GuardedReader, reading, writing
from pipeline.storage.local_listing import list_files, stat
from pipeline.storage.uris import local_path

__all__ = [
    "check_writable", "copy", "delete", "delete_tree", "exists", "list_files", "open_new", "open_read", "open_write",
    "stat", "sweep", "write_bytes",
]  # fmt: skip

# A disk with less than both of these free is nearly full: work in progress may finish, but none is started.
MIN_FREE_BYTES, MIN_FREE_SHARE = 1 << 30, 0.05


def open_read(uri: str) -> BinaryIO:
    """Return a buffered stream of a file."""
    with reading(uri):
        stream = local_path(uri).open("rb", buffering=0)
    return cast(BinaryIO, io.BufferedReader(GuardedReader(stream, lambda: reading(uri)), 1 << 18))


@contextmanager
def open_write(uri: str) -> Iterator[BinaryIO]:
    """Yield a stream whose content appears complete under its name when the block ends, or not at all."""
    path = local_path(uri)
    with writing(uri):
        make_folders(path.parent)
        with atomic_path(path, synced=True) as temporary, temporary.open("xb") as stream:
            yield stream
        sync_folder(path.parent)


@contextmanager
def open_new(uri: str) -> Iterator[BinaryIO]:
    """Yield a stream whose content appears complete under its name, unless there is a file by then."""
    path = local_path(uri)
    with writing(uri):
        make_folders(path.parent)
        temporary = path.parent / temporary_name()
        try:
            with temporary.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            _rename_to_new(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Give a file another name that is free.

    Raises:
        FileExistsError: it is not.
    """
    try:
        # Unlike a rename, a link never takes the place of a file.
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        # This file system has no hard links: a writer of the same instant may be replaced.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.rename(path)


def write_bytes(uri: str, data: bytes | memoryview) -> None:
    """Write a file atomically."""
    with open_write(uri) as stream:
        stream.write(data)


def copy(source: str, target: str) -> None:
    """Copy a file atomically."""
    with open_read(source) as origin, open_write(target) as stream:
        shutil.copyfileobj(origin, stream, 1 << 20)


def exists(uri: str) -> bool:
    """Return whether a file or folder exists."""
    try:
        with reading(uri):
            local_path(uri).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def delete(uri: str) -> None:
    """Delete a file, if it exists."""
    with writing(uri):
        local_path(uri).unlink(missing_ok=True)


def delete_tree(uri: str) -> None:
    """Delete a folder with everything in it (links themselves, never what they point to).

    Raises:
        ValueError: the folder is the root of the file system.
    """
    path = local_path(uri).absolute()
    if path == Path(path.anchor):
        raise ValueError(f"{uri!r}: refusing to delete the root of the file system")
    with writing(uri):
        if path.is_symlink() or path.is_file():
            path.unlink()
            return
        # A task that was presumed dead may still add files, or delete the same ones, at the same time.
        for last in (False, False, True):
            try:
                shutil.rmtree(path, onerror=_unless_gone)
            except OSError as error:
                if last or error.errno != errno.ENOTEMPTY:
                    raise
            else:
                return


def _unless_gone(_function: object, _path: str, failure: tuple[Any, BaseException, Any]) -> None:
    """Raise an error of deleting, unless the file is already gone."""
    if not isinstance(failure[1], FileNotFoundError):
        raise failure[1]


def check_writable(uri: str) -> None:
    """Check that files can be written below a folder, created if missing, and that the disk is not nearly full."""
    with writing(uri):
        make_folders(local_path(uri))
        usage = shutil.disk_usage(local_path(uri))
        if usage.free < min(MIN_FREE_BYTES, usage.total * MIN_FREE_SHARE):
            free = f"only {usage.free / 1e6:,.0f} MB of {usage.total / 1e6:,.0f} MB are free"
            raise OutputNotWritable(f"{uri}: the disk is nearly full ({free}); free some space")
        # Without a name where the file system can, so that nothing stays of a process that is killed here.
        with TemporaryFile(dir=local_path(uri)) as probe:
            probe.write(bytes(4096))
            probe.flush()
            os.fsync(probe.fileno())


def sweep(root: str, older_than: float) -> int:
    """Delete temporary files that killed writers left; return how many.

    Args:
        root: folder, searched recursively, including hidden folders.
        older_than: age in seconds; the writer of younger ones may still be running.
    """
    limit = time.time() - older_than
    swept = 0
    for folder, _, names in os.walk(local_path(root)):
        for name in filter(TEMPORARY.fullmatch, names):
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime <= limit:
                    path.unlink()
                    swept += 1
    return swept


def make_folders(path: Path) -> None:
    """Create a folder and its parents, each entry synced to disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir()
            sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Sync a folder's entries to disk, so that a rename survives a power cut; some file systems do not support it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
