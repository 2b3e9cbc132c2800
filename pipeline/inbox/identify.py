"""What lies at one name of the inbox: its digest, and what its header says, or why it cannot be a scan."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from pipeline import scans, storage
from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import ScanInfo
from pipeline.settings import settings
from pipeline.storage import Entry

# A file that was changed so shortly before it was looked at could be changed again within the clock's resolution.
RACY_SECONDS = 2.0

KINDS = {
    "directory": (Reason.NOT_A_FILE, "a folder has an image's name; move its images to a folder without extension"),
    "special": (Reason.NOT_A_FILE, "this is a pipe, socket or device and no file"),
    "link-outward": (Reason.OUTWARD_LINK, "this link leads out of the inbox; put the file itself there"),
    "link-dangling": (Reason.DANGLING_LINK, "this link leads nowhere; put the file itself there"),
    "unreadable": (Reason.UNREADABLE, "this may not be read; give this user the right to"),
}


@dataclass(frozen=True)
class Examined:
    """One entry of the inbox, looked at.

    Attributes:
        size: bytes, of what was read; as listed for what was not.
        sha256: empty for what has no readable bytes.
        info: what the header says, None when it cannot be restored.
        reason: empty, or why not; `message` says it in a sentence.
        seconds: that the look took.
    """

    size: int
    sha256: str = ""
    info: ScanInfo | None = None
    reason: str = ""
    message: str = ""
    seconds: float = 0.0


def fingerprint(entry: Entry) -> str:
    """Return what changes when the file does; empty when that can't be told from outside."""
    if entry.kind != "file" or time.time() - entry.modified < RACY_SECONDS:
        return ""
    return f"{entry.size}:{entry.etag}"


def examine(entry: Entry) -> Examined:
    """Return what lies at an entry.

    Raises:
        StoreUnavailable: the store did not answer.
        FileNotFoundError: the file is gone since it was listed.
    """
    started = time.perf_counter()
    size, sha256, info, reason, message = entry.size, "", None, "", ""
    try:
        if entry.kind != "file":
            raise UnreadableScan(*KINDS[entry.kind])
        data = _content(entry)
        size, sha256 = len(data), hashlib.sha256(data).hexdigest()
        info = scans.inspect(data, entry.path)
    except UnreadableScan as error:
        reason, message = str(error.reason), error.message
    except PermissionError:
        reason, message = str(Reason.UNREADABLE), KINDS["unreadable"][1]
    return Examined(size, sha256, info, reason, message, time.perf_counter() - started)


def _content(entry: Entry) -> bytes:
    """Return the bytes of a file.

    Raises:
        UnreadableScan: there are too many.
    """
    limit = int(settings().max_megabytes * 1e6)
    if entry.size > limit:
        raise UnreadableScan(
            Reason.TOO_MANY_BYTES,
            f"the file has {entry.size / 1e6:,.0f} MB, more than the {limit / 1e6:,.0f} MB that are taken "
            "(RESTORATION_MAX_MEGABYTES)",
        )
    return storage.read_bytes(entry.uri)
