"""One thing of the inbox that was looked at: what is known of it, and what is written down about it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import logs, storage
from pipeline.escape import quoted
from pipeline.inbox.identify import identify
from pipeline.inbox.listing import InboxFile
from pipeline.ledger.events import EventRecord
from pipeline.ledger.scans import LedgerMatch
from pipeline.ledger.tables import OutcomeRow, Scan
from pipeline.provenance.events import STAGE_EVENTS, EventType
from pipeline.scans import ScanInfo
from pipeline.stages.manifest import Row

FIGURES = ("reason", "format", "width", "height", "bytes", "same_as")


@dataclass(frozen=True)
class Received:
    """One thing of the inbox that was looked at.

    Attributes:
        size: bytes.
        sha256: empty for what has no readable bytes.
        info: what the header says, None when it will not be restored.
        reason: empty, or why not; `message` says it in a sentence.
        mask_given: fingerprint and digest of what was given with it (masks, infrared), empty without any.
        seconds: that the look took.
    """

    found: InboxFile
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
        return self.found.path

    @property
    def megapixels(self) -> float:
        """Pixels of work, in megapixels; 0 where there is none."""
        return 0.0 if self.info is None else self.info.megapixels

    @property
    def decision(self) -> str:
        """What receiving decided."""
        return "quarantined" if self.reason else "taken"

    def is_done(self, known: LedgerMatch) -> bool:
        """Return whether this is a content that is done, with the same mask."""
        return known.sha256 == self.sha256 and is_done(known, self.found)

    def scan(self, collection: str) -> Scan:
        """Return the ledger's row of the scan."""
        return Scan(
            collection=collection,
            path=self.path,
            sha256=self.sha256,
            bytes=self.size,
            # Bytes that could not be read may become readable without any change to the file.
            fingerprint=self.found.fingerprint if self.sha256 else "",
            **self._header(),
        )

    def row(self, scan_id: int) -> Row:
        """Return the manifest's row of the scan."""
        given = self.found.companions
        return {
            "scan_id": scan_id,
            "path": self.path,
            "uri": self.found.entry.uri,
            "sha256": self.sha256,
            "bytes": self.size,
            **self._header(),
            "orientation": self.info.orientation if self.info else 1,
            "mask_given_uri": given.mask.uri if given.mask else "",
            "protect_uri": given.protect.uri if given.protect else "",
            "infrared_uri": given.infrared.uri if given.infrared else "",
            "mask_given": self.mask_given,
            "original_uri": self.found.original,
            "reason": self.reason,
            "message": self.message,
            "same_as": "",
        }

    def figures(self, row: Row) -> Row:
        """Return what the log line and the event tell."""
        return {name: row[name] for name in FIGURES if row[name]}

    def event(self, row: Row) -> EventRecord:
        """Return the event of receiving this scan."""
        kind = EventType.QUARANTINE if self.reason else STAGE_EVENTS["receive"]
        figures = self.figures(row)
        return EventRecord(row["scan_id"], "receive", str(kind), self.decision, self.message, figures, self.seconds)

    def _header(self) -> Row:
        info = self.info
        return {
            "format": info.format if info else "",
            "width": info.width if info else 0,
            "height": info.height if info else 0,
            "channels": info.channels if info else 0,
            "bit_depth": info.bit_depth if info else 0,
        }


def look(found: InboxFile) -> Received | None:
    """Return what lies there, or None when it is gone since it was listed.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    try:
        seen = identify(found.entry)
        mask_given = f"{found.companions.fingerprint} {found.companions.sha256()}" if found.companions.entries else ""
    except FileNotFoundError:
        logger = logs.stage_logger("receive")
        logger.info("scan=%s stage=receive decision=gone: it was removed since it was listed", quoted(found.path))
        return None
    info, reason, message = seen.info, seen.reason, seen.message
    if found.reason and not reason:
        info, reason, message = None, found.reason, found.message
    return Received(found, seen.size, seen.sha256, info, reason, message, mask_given, seen.seconds)


def is_same(known: LedgerMatch, found: InboxFile) -> bool:
    """Return whether a path surely still holds what the ledger knows, without reading it."""
    if found.entry.kind != "file":
        return known.sha256 == ""
    return known.fingerprint == found.fingerprint != ""


def is_done(known: LedgerMatch, found: InboxFile) -> bool:
    """Return whether a content is done with the masks that are there now.

    A mask that was taken away after the work is no reason to do it again without.
    """
    if not known.outcome or not found.companions.entries:
        return bool(known.outcome)
    mark, _, sha256 = known.mask_given.partition(" ")
    return mark == found.companions.fingerprint or (bool(sha256) and sha256 == found.companions.sha256())


def is_whole(outcome: OutcomeRow) -> bool:
    """Return whether a result can be shared: what was published of it is still there as it was, masks included."""
    files = (
        (outcome.restored_uri, outcome.restored_sha256),
        (outcome.mask_uri, outcome.mask_sha256),
        (outcome.suggested_uri, outcome.suggested_sha256),
    )
    try:
        return all(storage.sha256(uri) == sha256 for uri, sha256 in files if uri)
    except FileNotFoundError:
        return False
