"""Every other store (gs://, az://, …): streams by smart_open, listing and deleting by fsspec where it is installed.

Both take the provider's own package (for example `smart_open[gcs]` and `gcsfs`); a missing one is named.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from pipeline.errors import ConfigurationError
from pipeline.escape import error_line
from pipeline.runtime.atomic_write import temporary_name
from pipeline.storage.entry import Entry, is_hidden, text_path
from pipeline.storage.errors import GuardedReader, reading, writing
from pipeline.storage.uris import scheme

# smart_open spells Azure's scheme out.
SPELLING = {"az": "azure", "abfs": "azure"}


def _streamed(uri: str, mode: str) -> Any:
    """Return smart_open's stream, bytes as they are (no decompression by the name's ending)."""
    import smart_open  # costs half a second, which folders need not pay

    name = scheme(uri)
    try:
        return smart_open.open(SPELLING.get(name, name) + uri[len(name) :], mode, compression="disable")
    except (ImportError, NotImplementedError) as error:
        raise ConfigurationError(f"{uri}: {name}:// cannot be opened here: {error_line(error)}") from error


def _filesystem(uri: str) -> tuple[Any, str]:
    """Return fsspec's file system and the path in it."""
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        filesystem, path = url_to_fs(uri)
    except (ImportError, ValueError) as error:
        message = f"{uri}: folders on {scheme(uri)}:// cannot be listed here: {error_line(error)}"
        raise ConfigurationError(message) from error
    return filesystem, str(path)


def list_files(root: str) -> Iterator[Entry]:
    """Yield the files below a root, by path; hidden names are skipped."""
    filesystem, top = _filesystem(root)
    with reading(root):
        for full, info in sorted(filesystem.find(top, detail=True).items()):
            path = full[len(top) :].lstrip("/") or full.rpartition("/")[2]
            if is_hidden(path):
                continue
            modified = info.get("mtime") or info.get("updated") or info.get("last_modified") or info.get("created")
            seconds = modified.timestamp() if hasattr(modified, "timestamp") else float(modified or 0)
            etag = str(info.get("etag") or f"{seconds:.6f}-{info['size']}")
            yield Entry(text_path(path), filesystem.unstrip_protocol(full), int(info["size"]), seconds, etag, "file")


def open_read(uri: str) -> BinaryIO:
    """Return a stream of a file."""
    with reading(uri):
        stream = _streamed(uri, "rb")
    return cast(BinaryIO, io.BufferedReader(GuardedReader(stream, lambda: reading(uri)), 1 << 18))


@contextmanager
def open_write(uri: str) -> Iterator[BinaryIO]:
    """Give a stream into one upload, complete when the block ends without an error."""
    with writing(uri), _streamed(uri, "wb") as stream:
        yield stream


def write_bytes(uri: str, data: bytes | memoryview) -> None:
    """Write a file whole."""
    with open_write(uri) as stream:
        stream.write(data)


def copy(source: str, target: str) -> None:
    """Copy a file inside a store."""
    filesystem, path = _filesystem(source)
    with writing(target):
        filesystem.copy(path, _filesystem(target)[1])


def exists(uri: str) -> bool:
    """True when a file or a prefix with files stands there."""
    filesystem, path = _filesystem(uri)
    with reading(uri):
        return bool(filesystem.exists(path))


def delete(uri: str) -> None:
    """Delete a file; one that is not there is no error."""
    filesystem, path = _filesystem(uri)
    with writing(uri):
        if filesystem.exists(path):
            filesystem.rm_file(path)


def delete_tree(uri: str) -> None:
    """Delete everything below a prefix.

    Raises:
        ValueError: the URI is a whole bucket.
    """
    filesystem, path = _filesystem(uri)
    if "/" not in path.strip("/"):
        raise ValueError(f"{uri!r}: refusing to delete everything in a bucket")
    with writing(uri):
        if filesystem.exists(path):
            filesystem.rm(path, recursive=True)


def check_writable(uri: str) -> None:
    """Return when a file can be written below a prefix and deleted again."""
    probe = f"{uri.rstrip('/')}/{temporary_name()}"
    write_bytes(probe, b"probe")
    delete(probe)


def sweep(root: str, older_than: float) -> int:
    """Return 0: an upload that was cut off leaves nothing that could be found here."""
    return 0
