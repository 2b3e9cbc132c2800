"""What is known of one file of the inbox once it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline import logs
from pipeline.escape import quoted
from pipeline.inbox.identify import identify
from pipeline.inbox.listing import InboxFile
from pipeline.ledger.events import EventRecord
from pipeline.ledger.tables import Scan
from pipeline.provenance.events import STAGE_EVENTS, EventType
from pipeline.scans import ScanInfo


@dataclass(frozen=True)
class InboxRecord:
    """One file of the inbox that was read.

    Attributes:
        size: bytes.
        sha256: empty for what has no readable bytes.
        info: what the header says, None for what will not be restored.
        reason: why it will not be restored, else empty; `message` explains it in a sentence.
        mask_given: fingerprint and digest of its companion files (masks, infrared), empty without any.
        seconds: duration of reading it.
    """

    file: InboxFile
    size: int
    sha256: str
    info: ScanInfo | None
    reason: str
    message: str
    mask_given: str
    seconds: float

    @property
    def path(self) -> str:
        """Relative to the inbox."""
        return self.file.path

    @property
    def megapixels(self) -> float:
        """Size of the image in megapixels; 0 for what will not be restored."""
        return 0.0 if self.info is None else self.info.megapixels

    @property
    def header(self) -> dict[str, Any]:
        """What the header says, as ledger and manifest name it; empty text and zeros for what will not be restored."""
        info = self.info
        return {
            "format": info.format if info else "",
            "width": info.width if info else 0,
            "height": info.height if info else 0,
            "channels": info.channels if info else 0,
            "bit_depth": info.bit_depth if info else 0,
        }

    def ledger_scan(self, collection: str) -> Scan:
        """Return the ledger's row of the scan."""
        return Scan(
            collection=collection,
            path=self.path,
            sha256=self.sha256,
            bytes=self.size,
            # Bytes that could not be read may become readable without any change to the file.
            fingerprint=self.file.fingerprint if self.sha256 else "",
            **self.header,
        )

    @property
    def decision(self) -> str:
        """What receiving decides."""
        return "quarantined" if self.reason else "taken"

    def event(self, scan_id: int, same_as: str, again: str) -> EventRecord:
        """Return the event of receiving it.

        Args:
            same_as: path of the scan whose result it shares; empty without one.
            again: why it is done although it was done before; empty for what is new.
        """
        kind = EventType.QUARANTINE if self.reason else STAGE_EVENTS["receive"]
        figures = self._figures(same_as, again)
        return EventRecord(scan_id, "receive", str(kind), self.decision, self.message, figures, self.seconds)

    def log_line(self, same_as: str, again: str) -> str:
        """Return the log line of receiving it; arguments as of `event`."""
        figures = self._figures(same_as, again)
        figures.pop("reason", None)
        return logs.scan_line(
            self.path,
            self.sha256,
            "receive",
            self.decision,
            figures,
            self.seconds,
            reason=self.reason,
            message=self.message,
        )

    def _figures(self, same_as: str, again: str) -> dict[str, Any]:
        header = {name: self.header[name] for name in ("format", "width", "height")}
        found = {"reason": self.reason, "again": again, **header, "bytes": self.size, "same_as": same_as}
        return {name: value for name, value in found.items() if value}


def read_record(file: InboxFile) -> InboxRecord | None:
    """Read a file; return None when it was removed since it was listed.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    try:
        found = identify(file.entry)
        mask_given = f"{file.companions.fingerprint} {file.companions.sha256()}" if file.companions.entries else ""
    except FileNotFoundError:
        logger = logs.stage_logger("receive")
        logger.info("scan=%s stage=receive decision=gone: it was removed since it was listed", quoted(file.path))
        return None
    info, reason, message = found.info, found.reason, found.message
    if file.reason and not reason:
        info, reason, message = None, file.reason, file.message
    return InboxRecord(file, found.size, found.sha256, info, reason, message, mask_given, found.seconds)
