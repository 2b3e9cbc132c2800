"""Types of events, as terms of the Library of Congress' PREMIS vocabulary."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """The PREMIS event types (id.loc.gov/vocabulary/preservation/eventType) that this pipeline uses."""

    DIGEST = "message digest calculation"
    QUARANTINE = "quarantine"
    INGESTION = "ingestion"
    FORMAT = "format identification"
    VALIDATION = "validation"
    EXTRACTION = "metadata extraction"
    MODIFICATION = "modification"
    QUALITY = "quality review"
    CREATION = "creation"
    FIXITY = "fixity check"
    DELETION = "deletion"
    WITHDRAWAL = "deaccession"
    INGESTION_START = "ingestion start"
    INGESTION_END = "ingestion end"
    DISSEMINATION = "dissemination"
    TRANSFER = "transfer"


# The event of each stage for a scan that it finishes; other scans are quarantined, or have failed.
STAGE_EVENTS = {
    "receive": EventType.DIGEST,
    "mask": EventType.EXTRACTION,
    "inpaint": EventType.MODIFICATION,
    "measure": EventType.QUALITY,
    "publish": EventType.CREATION,
}
