"""Keep large arrays in unnamed files on disk that are mapped, so that their pages can be dropped from memory."""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

IN_MEMORY = 128 << 20
"""Bytes up to which a file is kept in memory: smaller scans gain nothing from the disk."""

SMALL = 4 << 20
"""Bytes up to which an array is ordinary memory: a mapped file takes two of the descriptors that a process may have."""

EVERY = 0.05
"""Seconds after which the pages of a mapped file are dropped while something works on all of it."""


class NoRoom(OSError):
    """The disk for temporary files has no room for a scan's pixels."""


class Mapping(mmap.mmap):
    """A file mapped so that all who map it share its pages; dropping them from one process loses nothing.

    Attributes:
        descriptor: of the file, open as long as it is mapped.
    """

    descriptor: int

    @classmethod
    def of(cls, descriptor: int, size: int, *, writable: bool = False) -> Mapping:
        """Return a file's first bytes, mapped; the descriptor given may be closed afterwards.

        Raises:
            MemoryError: this process may not have so large an address space.
        """
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        try:
            mapped = cls(descriptor, size, flags=mmap.MAP_SHARED, prot=protection)
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            raise MemoryError(f"no address space for {size} bytes") from error
        mapped.descriptor = os.dup(descriptor)
        weakref.finalize(mapped, os.close, mapped.descriptor)
        return mapped

    def array(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """Return the first bytes as an array."""
        count = int(np.prod(shape, dtype=np.int64))
        array: NDArray[Any] = np.frombuffer(self, dtype, count).reshape(tuple(shape))
        return array


FileData = bytes | Mapping
"""The content of a file: in memory, or mapped where it is large."""


def unnamed_file(size: int | None) -> int:
    """Return the descriptor of an unnamed file, which no killed process can leave behind, with room for so many bytes.

    Up to `IN_MEMORY` bytes it lies in memory where the system supports that, else in the folder for temporary files.

    Args:
        size: None where it is not known; then no room is reserved.

    Raises:
        NoRoom: that folder's disk is full; a file that is mapped without its room would end the process later.
    """
    if size is not None and size <= IN_MEMORY and hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scan", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    if size:
        try:
            with reserving():
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(descriptor, 0, size)
                else:
                    os.ftruncate(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


@contextmanager
def reserving() -> Iterator[None]:
    """Raise NoRoom where writing an unnamed file fails because the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        where = tempfile.gettempdir()
        raise NoRoom(
            error.errno, f"{where}: no room for a scan's pixels; free some space there, or set TMPDIR to another folder"
        ) from error


def write_all(descriptor: int, data: bytes | memoryview, at: int) -> None:
    """Write all bytes at a place of an unnamed file; one call of the system writes at most 2 GB.

    Raises:
        NoRoom: the disk for temporary files is full.
    """
    view = memoryview(data)
    with reserving():
        while view:
            count = os.pwrite(descriptor, view, at)
            view, at = view[count:], at + count


def scratch(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Return a writable array of zeros, where it is not small in an unnamed file of its own, which ends with it.

    Raises:
        MemoryError: this process may not have so large an address space.
        NoRoom: the disk for temporary files is full.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= SMALL:
        return np.zeros(tuple(shape), dtype)
    descriptor = unnamed_file(size)
    try:
        return Mapping.of(descriptor, size, writable=True).array(shape, dtype)
    finally:
        os.close(descriptor)


def mapping_of(data: NDArray[Any] | FileData) -> Mapping | None:
    """Return the mapped file that an array, or the array that it is a view of, lies in; None where it lies in none."""
    base: Any = data
    while base is not None:
        if isinstance(base, Mapping):
            return base
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return None


def release(data: NDArray[Any] | FileData) -> None:
    """Drop the pages of a mapped file from this process's memory; they are read again when they are needed.

    What lies in no mapped file stays as it is.
    """
    mapped = mapping_of(data)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@contextmanager
def releasing(*data: NDArray[Any] | FileData) -> Iterator[None]:
    """Drop the pages of mapped files again and again while the block runs: for work that reads them in one call."""
    files = [mapped for one in data if (mapped := mapping_of(one)) is not None and len(mapped) > IN_MEMORY]
    if not files:
        yield
        return
    ended = threading.Event()

    def drop() -> None:
        while not ended.wait(EVERY):
            for file in files:
                release(file)

    thread = threading.Thread(target=drop, name="releasing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for file in files:
            release(file)
