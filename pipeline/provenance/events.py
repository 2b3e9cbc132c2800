"""The words for what happens to a scan: terms of the Library of Congress' PREMIS event types."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """Event types (id.loc.gov/vocabulary/preservation/eventType), as far as this pipeline has use for them."""

    DIGEST = "message digest calculation"
    QUARANTINE = "quarantine"
    EXTRACTION = "metadata extraction"
    MODIFICATION = "modification"
    QUALITY = "quality review"
    CREATION = "creation"
    FIXITY = "fixity check"
    INGESTION_START = "ingestion start"
    INGESTION_END = "ingestion end"
    DISSEMINATION = "dissemination"


# What each stage does to a scan that it finishes; a scan that is stopped is quarantined, or has failed.
STAGE_EVENTS = {
    "receive": EventType.DIGEST,
    "mask": EventType.EXTRACTION,
    "inpaint": EventType.MODIFICATION,
    "measure": EventType.QUALITY,
    "publish": EventType.CREATION,
}
