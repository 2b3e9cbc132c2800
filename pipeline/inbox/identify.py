"""Identify one entry of the inbox: its digest and header, or the reason why it cannot be a scan."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass

from pipeline import scans, storage
from pipeline.errors import InArchiveTier, OutputNotWritable, Reason, UnreadableScan
from pipeline.imaging.mapped import IN_MEMORY, FileData, Mapping, NoRoom, unnamed_file, write_all
from pipeline.scans import ScanInfo
from pipeline.scans.formats import TIFF_MARKS
from pipeline.settings import settings
from pipeline.storage import Entry

# A file modified this recently may be changed again without its time changing, within the clock's resolution.
RACY_SECONDS = 2.0
# Bytes of a large file that are in memory at a time.
BLOCK = 1 << 20

NOT_READABLE = {
    "directory": (Reason.NOT_A_FILE, "a folder has an image's name; move its images to a folder without extension"),
    "special": (Reason.NOT_A_FILE, "this is a pipe, socket or device, not a file"),
    "link-outward": (Reason.OUTWARD_LINK, "this link points outside the inbox; put the file itself there"),
    "link-dangling": (Reason.DANGLING_LINK, "this link points to a missing file; put the file itself there"),
    "unreadable": (Reason.UNREADABLE, "this file may not be read; give this user permission to read it"),
}


@dataclass(frozen=True)
class Identified:
    """What one entry of the inbox is.

    Attributes:
        size: bytes that were read; the listed size for what was not read.
        sha256: empty for what has no readable bytes.
        info: what the header says, None for what cannot be restored.
        reason: why it cannot be restored, else empty; `message` explains it in a sentence.
        seconds: duration of the identification.
    """

    size: int
    sha256: str = ""
    info: ScanInfo | None = None
    reason: str = ""
    message: str = ""
    seconds: float = 0.0


def fingerprint(entry: Entry) -> str:
    """Return a string that changes when the file does; empty when only reading the file can show a change."""
    if entry.kind != "file" or time.time() - entry.modified < RACY_SECONDS:
        return ""
    return f"{entry.size}:{entry.etag}"


def identify(entry: Entry) -> Identified:
    """Return what an entry is: its digest and header, or why it cannot be restored.

    Raises:
        StoreUnavailable: the store did not answer.
        FileNotFoundError: the file was deleted since it was listed.
        OutputNotWritable: there is no room for temporary files.
    """
    started = time.perf_counter()
    size, sha256, info, reason, message = entry.size, "", None, "", ""
    try:
        if entry.kind != "file":
            raise UnreadableScan(*NOT_READABLE[entry.kind])
        _check_size(entry)
        data, sha256 = _read(entry.uri)
        size = len(data)
        info = scans.inspect(data, entry.path)
    except UnreadableScan as error:
        reason, message = str(error.reason), error.message
    except InArchiveTier as error:
        reason, message = str(Reason.ARCHIVED), str(error.strerror)
    except PermissionError as error:
        local = storage.scheme(entry.uri) == "file"
        reason, message = str(Reason.UNREADABLE), NOT_READABLE["unreadable"][1] if local else str(error.strerror)
    return Identified(size, sha256, info, reason, message, time.perf_counter() - started)


def _check_size(entry: Entry) -> None:
    """Raise UnreadableScan for a file that is larger than the limit of the settings."""
    limit = int(settings().max_megabytes * 1e6)
    if entry.size > limit:
        raise UnreadableScan(
            Reason.TOO_MANY_BYTES,
            f"the file has {entry.size / 1e6:,.0f} MB, more than the {limit / 1e6:,.0f} MB allowed "
            "(RESTORATION_MAX_MEGABYTES)",
        )


def _read(uri: str) -> tuple[FileData, str]:
    """Return the content of a file and its sha256, of the same bytes; a large TIFF is mapped and not in memory.

    Raises:
        OutputNotWritable: there is no room for temporary files.
    """
    digest = hashlib.sha256()
    with storage.open_read(uri) as stream:
        start = stream.read(IN_MEMORY + 1)
        digest.update(start)
        if len(start) <= IN_MEMORY or start[:4] not in TIFF_MARKS:
            rest = stream.read()
            digest.update(rest)
            return start + rest if rest else start, digest.hexdigest()
        try:
            # A copy: the file itself could be cut short while it is mapped, which would end the process.
            descriptor, size = unnamed_file(None), 0
            try:
                while start:
                    write_all(descriptor, start, size)
                    size += len(start)
                    start = stream.read(BLOCK)
                    digest.update(start)
                return Mapping.of(descriptor, size), digest.hexdigest()
            finally:
                os.close(descriptor)
        except NoRoom as error:
            raise OutputNotWritable(error.strerror) from error
