"""The storage functions; each calls the transport that serves its URI."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from pipeline.errors import ConfigurationError
from pipeline.storage import local
from pipeline.storage.entry import Entry
from pipeline.storage.uris import S3_SCHEMES, scheme

BLOCK = 1 << 20


class Transport(Protocol):
    """The functions of a transport's module."""

    def list_files(self, root: str) -> Iterator[Entry]: ...
    def stat(self, uri: str) -> Entry: ...
    def open_read(self, uri: str) -> BinaryIO: ...
    def open_write(self, uri: str) -> AbstractContextManager[BinaryIO]: ...
    def open_new(self, uri: str) -> AbstractContextManager[BinaryIO]: ...
    def write_bytes(self, uri: str, data: bytes | memoryview) -> None: ...
    def copy(self, source: str, target: str) -> None: ...
    def exists(self, uri: str) -> bool: ...
    def delete(self, uri: str) -> None: ...
    def delete_tree(self, uri: str) -> None: ...
    def check_writable(self, uri: str) -> None: ...
    def sweep(self, root: str, older_than: float) -> int: ...


def transport(uri: str) -> Transport:
    """Return the module that serves a URI.

    Raises:
        ConfigurationError: its scheme is not supported.
    """
    name = scheme(uri)
    if name == "file":
        return local
    if name in S3_SCHEMES:
        # boto3 takes a third of a second to import, which local folders need not pay.
        from pipeline.storage import s3

        return s3
    raise ConfigurationError(f"{uri}: {name}:// is not supported; use a local path, file:// or s3://")


def list_files(root: str) -> Iterator[Entry]:
    """Yield everything below a root that a batch must account for, by path in byte order.

    Hidden names (a leading dot in any component) are skipped, and so are folders, except those with an image's name. A
    root that is a file yields only that file. An empty prefix in a bucket yields nothing.

    Raises:
        FileNotFoundError: there is no such folder or bucket.
        ConfigurationError: it may not be listed.
        StoreUnavailable: the store did not answer; a retry may succeed.
    """
    return transport(root).list_files(root)


def stat(uri: str) -> Entry:
    """Return a file as a listing of it alone would; a link to a file is that file.

    Raises:
        FileNotFoundError, PermissionError: there is no such file, or it may not be looked at.
        StoreUnavailable: the store did not answer.
    """
    return transport(uri).stat(uri)


def open_read(uri: str) -> BinaryIO:
    """Return a buffered binary stream of a file, as stored (nothing is decompressed).

    Raises:
        FileNotFoundError, PermissionError: this file cannot be opened.
        StoreUnavailable: the store did not answer, now or during a later read.
    """
    return transport(uri).open_read(uri)


def read_bytes(uri: str) -> bytes:
    """Return a file's content. Raises as `open_read`."""
    with open_read(uri) as stream:
        return stream.read()


def sha256(uri: str) -> str:
    """Return the sha256 of a file as 64 hex digits, in constant memory. Raises as `open_read`."""
    return digest(uri, "sha256")


def digest(uri: str, algorithm: str, pace: Callable[[int], object] | None = None) -> str:
    """Return the digest of a file in hex, in constant memory. Raises as `open_read`.

    Args:
        algorithm: a name that hashlib knows; digests detect accidents here, so md5 is good enough.
        pace: called with the number of bytes after each block that was read; may wait, to read slowly.
    """
    found = hashlib.new(algorithm, usedforsecurity=False)
    for block in blocks(uri, pace):
        found.update(block)
    return found.hexdigest()


def blocks(uri: str, pace: Callable[[int], object] | None = None) -> Iterator[memoryview]:
    """Yield a file's content in blocks, each valid until the next. Raises as `open_read`."""
    buffer = memoryview(bytearray(BLOCK))
    with open_read(uri) as stream:
        while count := stream.readinto(buffer):  # type: ignore[attr-defined]
            yield buffer[:count]
            if pace is not None:
                pace(count)


def write_bytes(uri: str, data: bytes | memoryview) -> None:
    """Write a file atomically: it appears complete under its name, synced to disk, or not at all.

    Raises:
        OutputNotWritable: the store is full or refuses writes; the message has the remedy.
        StoreUnavailable: the store did not answer.
    """
    transport(uri).write_bytes(uri, data)


def open_write(uri: str) -> AbstractContextManager[BinaryIO]:
    """Return a stream whose content appears complete under its name when the block ends; nothing does after an error.

    Raises as `write_bytes`.
    """
    return transport(uri).open_write(uri)


def write_file(uri: str, local_path: Path | str) -> None:
    """Write a local file's content to a URI atomically, streamed. Raises as `write_bytes`."""
    with Path(local_path).open("rb") as origin, transport(uri).open_write(uri) as target:
        shutil.copyfileobj(origin, target, BLOCK)


def open_new(uri: str) -> AbstractContextManager[BinaryIO]:
    """Return a stream whose content appears complete under its name when the block ends, unless a file is there.

    Raises:
        FileExistsError: there is a file of that name, which is kept.
        OutputNotWritable, StoreUnavailable: as `write_bytes`.
    """
    return transport(uri).open_new(uri)


def copy(source: str, target: str) -> None:
    """Copy a file atomically; within S3 the server copies it. Raises as `open_read` and `write_bytes`."""
    if transport(source) is transport(target) and scheme(source) == scheme(target):
        transport(source).copy(source, target)
        return
    with open_read(source) as origin, transport(target).open_write(target) as stream:
        shutil.copyfileobj(origin, stream, BLOCK)


def exists(uri: str) -> bool:
    """Return whether a file, a folder or a prefix with objects exists there."""
    return transport(uri).exists(uri)


def delete(uri: str) -> None:
    """Delete a file, if it exists."""
    transport(uri).delete(uri)


def delete_tree(uri: str) -> None:
    """Delete a folder or prefix with everything below it, if it exists.

    Raises:
        ValueError: the URI is the root of a file system or a whole bucket.
    """
    transport(uri).delete_tree(uri)


def check_writable(uri: str) -> None:
    """Check that files can be written below a folder or prefix; a missing folder is created.

    Raises:
        OutputNotWritable: they cannot be written; the message has the remedy.
        StoreUnavailable: the store did not answer.
    """
    transport(uri).check_writable(uri)


def sweep(root: str, older_than: float = 86400.0) -> int:
    """Delete temporary files and unfinished uploads that killed writers left below a root; return how many.

    Args:
        older_than: age in seconds; younger ones are kept, because their writer may still be running.
    """
    return transport(root).sweep(root, older_than)
