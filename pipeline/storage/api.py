"""The verbs of storage: each finds the transport of a URI and hands over to it."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from pipeline.storage import generic, local
from pipeline.storage.entry import Entry
from pipeline.storage.uris import scheme

BLOCK = 1 << 20


class Transport(Protocol):
    """What every transport's module offers."""

    def list_files(self, root: str) -> Iterator[Entry]: ...
    def open_read(self, uri: str) -> BinaryIO: ...
    def open_write(self, uri: str) -> AbstractContextManager[BinaryIO]: ...
    def write_bytes(self, uri: str, data: bytes | memoryview) -> None: ...
    def copy(self, source: str, target: str) -> None: ...
    def exists(self, uri: str) -> bool: ...
    def delete(self, uri: str) -> None: ...
    def delete_tree(self, uri: str) -> None: ...
    def check_writable(self, uri: str) -> None: ...
    def sweep(self, root: str, older_than: float) -> int: ...


def transport(uri: str) -> Transport:
    """Return the module that serves a URI."""
    name = scheme(uri)
    if name == "file":
        return local
    if name in ("s3", "s3a", "s3n"):
        # boto3 costs a third of a second to import; folders do without it.
        from pipeline.storage import s3

        return s3
    return generic


def list_files(root: str) -> Iterator[Entry]:
    """Yield everything below a root that a batch must account for, by path in byte order.

    Hidden names (a leading dot in any component) are skipped, as are folders as such, except those with an image's
    name. A root that is a file yields that file alone. An empty prefix in a bucket yields nothing.

    Raises:
        FileNotFoundError: there is no such folder or bucket.
        ConfigurationError: it may not be listed.
        StoreUnavailable: the store did not answer; trying again may help.
    """
    return transport(root).list_files(root)


def open_read(uri: str) -> BinaryIO:
    """Return a buffered binary stream of a file, bytes as stored (nothing is decompressed).

    Raises:
        FileNotFoundError, PermissionError: this one file cannot be opened.
        StoreUnavailable: the store did not answer, now or at a later read.
    """
    return transport(uri).open_read(uri)


def read_bytes(uri: str, limit: int | None = None) -> bytes:
    """Return a file's content.

    Args:
        limit: bytes; a longer file is not read to its end.

    Raises:
        OSError: with errno EFBIG, the file is longer than the limit. Else as `open_read`.
    """
    with open_read(uri) as stream:
        if limit is None:
            return stream.read()
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"longer than {limit} bytes", uri)
    return data


def sha256(uri: str) -> str:
    """Return the sha256 of a file as 64 hex digits; memory is constant."""
    return digest(uri, "sha256")


def digest(uri: str, algorithm: str) -> str:
    """Return the digest of a file in hex; memory is constant. Raises as `open_read`.

    Args:
        algorithm: a name that hashlib knows; against accidents, so that md5 will do.
    """
    found = hashlib.new(algorithm, usedforsecurity=False)
    buffer = memoryview(bytearray(BLOCK))
    with open_read(uri) as stream:
        while count := stream.readinto(buffer):  # type: ignore[attr-defined]
            found.update(buffer[:count])
    return found.hexdigest()


def write_bytes(uri: str, data: bytes | memoryview) -> None:
    """Write a file whole: it appears at once under its name, synced, or not at all.

    Raises:
        OutputNotWritable: the place is full or refuses writes; the message has the remedy.
        StoreUnavailable: the store did not answer.
    """
    transport(uri).write_bytes(uri, data)


def write_file(uri: str, local_path: Path | str) -> None:
    """Write a local file's content under a URI, streamed, whole or not at all. Raises as `write_bytes`."""
    with Path(local_path).open("rb") as origin, transport(uri).open_write(uri) as target:
        shutil.copyfileobj(origin, target, BLOCK)


def copy(source: str, target: str) -> None:
    """Copy a file, whole or not at all; inside one object store its bytes do not pass through here.

    Raises as `open_read` and `write_bytes`.
    """
    if transport(source) is transport(target) and scheme(source) == scheme(target):
        transport(source).copy(source, target)
        return
    with open_read(source) as origin, transport(target).open_write(target) as stream:
        shutil.copyfileobj(origin, stream, BLOCK)


def exists(uri: str) -> bool:
    """True when a file, a folder or a prefix with objects stands there."""
    return transport(uri).exists(uri)


def delete(uri: str) -> None:
    """Delete a file; one that is not there is no error."""
    transport(uri).delete(uri)


def delete_tree(uri: str) -> None:
    """Delete a folder or prefix with everything below it; one that is not there is no error.

    Raises:
        ValueError: the URI is the root of a file system or a whole bucket.
    """
    transport(uri).delete_tree(uri)


def check_writable(uri: str) -> None:
    """Return when files can be written below a folder or prefix; the folder is made where it is missing.

    Raises:
        OutputNotWritable: they cannot; the message has the remedy.
        StoreUnavailable: the store did not answer.
    """
    transport(uri).check_writable(uri)


def sweep(root: str, older_than: float = 86400.0) -> int:
    """Clears what writers that were killed left below a root: temporary files, unfinished uploads; returns how many.

    Args:
        older_than: seconds; younger leftovers may still have a living writer and stay.
    """
    return transport(root).sweep(root, older_than)
