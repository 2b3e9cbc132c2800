"""Turn operating system errors into the errors that callers act on."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pipeline.errors import OutputNotWritable, StoreUnavailable
from pipeline.escape import error_line

FULL = {errno.ENOSPC: "the disk is full; free some space", errno.EDQUOT: "the quota is exhausted; raise it"}
REFUSED = {
    errno.EACCES: "permission denied; give this user permission to write there",
    errno.EPERM: "not permitted; give this user permission to write there",
    errno.EROFS: "the file system is read-only; mount it writable",
    errno.ENOTDIR: "there is a file where a folder is needed; move it away",
    errno.EISDIR: "there is a folder where a file is needed; move it away",
}
UNAVAILABLE = {
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN, errno.ECONNRESET,
    errno.ECONNREFUSED, errno.ECONNABORTED, errno.EREMOTEIO, errno.ENETDOWN, errno.ENETUNREACH, errno.EPIPE,
    errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENXIO,
}  # fmt: skip


def unavailable(uri: str, error: BaseException) -> StoreUnavailable:
    """Return the error for a store that did not answer."""
    text = error_line(error)
    return StoreUnavailable(f"{uri}: the store did not answer ({text}); it is retried, else check that it runs")


@contextmanager
def reading(uri: str) -> Iterator[None]:
    """Turn errors of an unreachable store into StoreUnavailable; other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno in UNAVAILABLE or isinstance(error, (ConnectionError, TimeoutError)):
            raise unavailable(uri, error) from error
        raise


@contextmanager
def writing(uri: str) -> Iterator[None]:
    """Turn full disks and missing permissions into OutputNotWritable, unreachable stores into StoreUnavailable."""
    try:
        with reading(uri):
            yield
    except OSError as error:
        remedy = (FULL | REFUSED).get(error.errno or 0)
        if remedy:
            raise OutputNotWritable(f"{uri}: cannot be written: {remedy}, then run again") from error
        raise


class GuardedReader(io.RawIOBase):
    """A binary stream whose reads raise this library's errors.

    Args:
        stream: the transport's stream.
        guard: returns the context manager in which each read runs.
    """

    def __init__(self, stream: Any, guard: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._stream = stream
        self._guard = guard

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._stream.seekable())

    def readinto(self, buffer: Any) -> int:
        with self._guard():
            return int(self._stream.readinto(buffer))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._guard():
            return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
