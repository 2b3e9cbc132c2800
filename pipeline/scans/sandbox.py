"""Decoding in a process of its own, with limits: a scan that crashes, hangs or bloats its decoder ends alone."""

from __future__ import annotations

import os
import signal
import stat
from typing import Any

from pipeline import storage
from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import escape
from pipeline.scans.decoder_pool import DecoderDied, DecoderProcess
from pipeline.scans.ipc import anonymous_file, receive_scan, write_all
from pipeline.scans.model import Limits, Scan
from pipeline.scans.rejections import rejection
from pipeline.storage.errors import reading, unavailable
from pipeline.storage.uris import local_path

DECODER = "pipeline.scans.decode:decode"
BLOCK = 1 << 20


def decode_isolated(uri: str, *, name: str | None = None, limits: Limits | None = None, decoder: str = DECODER) -> Scan:
    """Return a scan, decoded by a process of its own with a time and a memory limit.

    Args:
        uri: of the scan.
        name: for messages; the last part of the URI when left out.
        limits: the installation's when left out.
        decoder: `module:function` with the signature of `decode`.

    Raises:
        UnreadableScan: it cannot be read whole, or its decoder crashed, hung or needed too much memory.
        FileNotFoundError: there is no such file.
        StoreUnavailable: the store did not answer.
    """
    limits = limits or Limits.from_settings()
    name = name or uri.rstrip("/").rpartition("/")[2]
    request = {
        "name": name,
        "decoder": decoder,
        "max_megapixels": limits.max_megapixels,
        "memory": limits.memory_megabytes,
        "timeout": limits.timeout,
    }
    descriptor = _open_source(uri, name, limits)
    try:
        answer, received = _answer(request, descriptor, limits)
    except DecoderDied as death:
        if death.reading:
            raise unavailable(uri, TimeoutError(f"not read within {limits.timeout:g} s")) from None
        raise _rejection_of(death.status, name, limits) from None
    finally:
        os.close(descriptor)
    if received is not None:
        try:
            return receive_scan(received, answer)
        finally:
            os.close(received)
    if "store" in answer:
        raise unavailable(uri, OSError(answer["store"]))
    if answer["reason"] == Reason.DECODER_MEMORY:
        raise rejection(Reason.DECODER_MEMORY, name, f"{limits.memory_megabytes:g} MiB")
    raise UnreadableScan(Reason(answer["reason"]), answer["message"])


def _answer(request: dict[str, Any], descriptor: int, limits: Limits) -> tuple[dict[str, Any], int | None]:
    """Return a decoder's answer, with a descriptor when it is a scan.

    Raises:
        Died: the decoder ended without an answer.
    """
    worker = DecoderProcess.current()
    fresh = worker.served == 0
    try:
        return worker.ask(request, descriptor, limits.timeout)
    except DecoderDied as death:
        # A worker that had served others may have been hurt by one of them: this scan has a right to a fresh one.
        if fresh or death.status is None:
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
        return DecoderProcess.current().ask(request, descriptor, limits.timeout)


def _open_source(uri: str, name: str, limits: Limits) -> int:
    """Return a descriptor from which a scan's bytes can be read: of the file itself, or of a copy in memory."""
    most = int(limits.max_megabytes * 1e6)
    if storage.scheme(uri) == "file":
        with reading(uri):
            try:
                # Without waiting: a pipe with an image's name would wait for its writer for ever.
                descriptor = os.open(local_path(uri), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except PermissionError as error:
                raise _not_readable(name) from error
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise rejection(Reason.NOT_A_FILE, name)
    else:
        descriptor, size = anonymous_file(), 0
        try:
            with storage.open_read(uri) as stream:
                while size <= most and (block := stream.read(BLOCK)):
                    write_all(descriptor, block)
                    size += len(block)
        except PermissionError as error:
            os.close(descriptor)
            raise _not_readable(name) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
    if size > most:
        os.close(descriptor)
        raise rejection(Reason.TOO_MANY_BYTES, name, f"more than {limits.max_megabytes:g} MB")
    return descriptor


def _not_readable(name: str) -> UnreadableScan:
    """Return the rejection of a file that may not be read."""
    return UnreadableScan(Reason.UNREADABLE, f"{escape(name)} may not be read; give this user the right to.")


def _rejection_of(status: int | None, name: str, limits: Limits) -> UnreadableScan:
    """Return the rejection for the way in which a decoder process ended."""
    if status in (None, -signal.SIGALRM):
        return rejection(Reason.DECODER_TIMEOUT, name, f"{limits.timeout:g} s")
    if status == -signal.SIGKILL:
        return rejection(Reason.DECODER_MEMORY, name, "the system ran out of memory")
    said = signal.strsignal(-status) if status is not None and status < 0 else f"exit code {status}"
    return rejection(Reason.DECODER_CRASHED, name, said or f"signal {status}")
