"""Decode scans in a separate process with limits, so that a crash, a hang or a decompression bomb costs one scan."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Mapping
from typing import Any

from pipeline import storage
from pipeline.errors import InArchiveTier, OutputNotWritable, Reason, UnreadableScan
from pipeline.escape import escape
from pipeline.imaging.mapped import NoRoom, unnamed_file, write_all
from pipeline.imaging.types import Box
from pipeline.scans.decoder_pool import DecoderDied, DecoderProcess
from pipeline.scans.ipc import receive_scan
from pipeline.scans.model import Limits, Scan
from pipeline.scans.rejections import rejection
from pipeline.storage.errors import reading, unavailable
from pipeline.storage.uris import local_path

DECODER = "pipeline.scans.decode:decode"
WINDOW = "pipeline.scans.tiff_window:decode_window"
BLOCK = 1 << 20


def decode_isolated(
    uri: str,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    decoder: str = DECODER,
    options: Mapping[str, Any] | None = None,
) -> Scan:
    """Return a scan, decoded in a separate process with limits of time and memory.

    Args:
        uri: of the scan.
        name: for messages; the last part of the URI by default.
        limits: the installation's by default.
        decoder: `module:function` with the signature of `decode`.
        options: what the decoder is given beside that.

    Raises:
        UnreadableScan: it cannot be read completely, or its decoder crashed, hung or needed too much memory.
        FileNotFoundError: there is no such file.
        StoreUnavailable: the store did not answer.
        OutputNotWritable: there is no room for temporary files.
    """
    limits = limits or Limits.from_settings()
    name = name or uri.rstrip("/").rpartition("/")[2]
    request = {
        "name": name,
        "decoder": decoder,
        "max_megapixels": limits.max_megapixels,
        "memory": limits.memory_megabytes,
        "timeout": limits.timeout,
        "private": decoder == WINDOW or storage.scheme(uri) != "file",
        "options": dict(options or {}),
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
    if "room" in answer:
        raise OutputNotWritable(answer["room"])
    if "store" in answer:
        raise unavailable(uri, OSError(answer["store"]))
    if answer["reason"] == Reason.DECODER_MEMORY:
        raise rejection(Reason.DECODER_MEMORY, name, f"{limits.memory_megabytes:g} MiB")
    raise UnreadableScan(Reason(answer["reason"]), answer["message"])


def decode_window_isolated(uri: str, box: Box) -> Scan:
    """Return a part of a TIFF in this machine's files, with the header of the whole, decoded as by `decode_isolated`.

    The file is mapped as it lies there: should it shrink meanwhile, that ends the decoder and not this process.

    Args:
        box: x, y, width and height, as the file stores its rows and columns.

    Raises:
        UnreadableScan: only the whole of it can be decoded, or none of it; else as `decode_isolated`.
    """
    return decode_isolated(uri, decoder=WINDOW, options={"box": list(box)})


def _answer(request: dict[str, Any], descriptor: int, limits: Limits) -> tuple[dict[str, Any], int | None]:
    """Return a decoder's answer, with a descriptor if it is a scan.

    Raises:
        DecoderDied: the decoder ended without an answer.
    """
    worker = DecoderProcess.current()
    fresh = worker.served == 0
    try:
        return worker.ask(request, descriptor, limits.timeout)
    except DecoderDied as death:
        # An earlier scan may have damaged a process that has decoded others, so this scan gets a fresh one.
        if fresh or death.status is None:
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
        return DecoderProcess.current().ask(request, descriptor, limits.timeout)


def _open_source(uri: str, name: str, limits: Limits) -> int:
    """Return a descriptor of a scan's bytes: of the file itself, or of an unnamed copy of a remote object."""
    most = int(limits.max_megabytes * 1e6)
    if storage.scheme(uri) == "file":
        with reading(uri):
            try:
                # Non-blocking: opening a pipe would otherwise wait for its writer.
                descriptor = os.open(local_path(uri), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except PermissionError as error:
                raise _not_readable(name) from error
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise rejection(Reason.NOT_A_FILE, name)
    else:
        descriptor, size = unnamed_file(None), 0
        try:
            with storage.open_read(uri) as stream:
                while size <= most and (block := stream.read(BLOCK)):
                    write_all(descriptor, block, size)
                    size += len(block)
        except NoRoom as error:
            os.close(descriptor)
            raise OutputNotWritable(error.strerror) from error
        except InArchiveTier as error:
            os.close(descriptor)
            raise UnreadableScan(Reason.ARCHIVED, f"{escape(name)}: {error.strerror}.") from error
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
    """Return the rejection of a file for which permission is denied."""
    return UnreadableScan(Reason.UNREADABLE, f"{escape(name)} may not be read; give this user permission to read it.")


def _rejection_of(status: int | None, name: str, limits: Limits) -> UnreadableScan:
    """Return the rejection for the exit status of a decoder process."""
    if status in (None, -signal.SIGALRM):
        return rejection(Reason.DECODER_TIMEOUT, name, f"{limits.timeout:g} s")
    if status == -signal.SIGKILL:
        return rejection(Reason.DECODER_MEMORY, name, "the system ran out of memory")
    cause = signal.strsignal(-status) if status is not None and status < 0 else f"exit code {status}"
    return rejection(Reason.DECODER_CRASHED, name, cause or f"signal {status}")
