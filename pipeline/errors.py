"""Errors that users and operators see; each message names the file or setting and the remedy."""

from __future__ import annotations

from enum import StrEnum


class RestorationError(Exception):
    """Base of the errors that this library raises on purpose."""


class ConfigurationError(RestorationError):
    """A setting, recipe or collections file is invalid; a retry cannot succeed."""


class WeightsError(RestorationError):
    """A weights file is missing, damaged or of another network; raised before any work starts."""


class StoreUnavailable(RestorationError):
    """Storage or ledger did not answer; a retry may succeed."""


class MailRefused(ConfigurationError):
    """The mail server refuses login, encryption, sender, recipients or message; nothing was sent."""


class MailUnavailable(RestorationError):
    """The mail server did not answer, or refuses for now; nothing was sent, and a retry may succeed."""


class FinalError(RestorationError):
    """A batch cannot go on as it is; a retry of the task cannot succeed, and the message says what can."""


class UnconfirmedDelivery(RestorationError):
    """A mail was sent but not confirmed: it may arrive, so that sending it again could deliver it twice."""


class OutputNotWritable(StoreUnavailable):
    """The output refuses writes (permissions, full disk); a retry succeeds once that is fixed."""


class InArchiveTier(PermissionError):
    """An object lies in an archive tier of its store: it cannot be read until somebody has restored it from there."""


class Reason(StrEnum):
    """Why a scan cannot be restored, as recorded in the ledger and beside the quarantined copy."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_MANY_BYTES = "too-many-bytes"
    ZERO_SIZED = "zero-sized"
    MULTI_PAGE = "multi-page"
    UNSUPPORTED = "unsupported"
    NOT_A_FILE = "not-a-file"
    OUTWARD_LINK = "outward-link"
    DANGLING_LINK = "dangling-link"
    UNREADABLE = "unreadable"
    MASK_MISMATCH = "mask-mismatch"
    MASK_UNREADABLE = "mask-unreadable"
    MASK_ORPHANED = "mask-orphaned"
    ARCHIVED = "archived"
    DECODER_CRASHED = "decoder-crashed"
    DECODER_TIMEOUT = "decoder-timeout"
    DECODER_MEMORY = "decoder-memory"


class UnreadableScan(RestorationError):
    """One scan cannot be read completely; it is quarantined and the others continue.

    Args:
        reason: recorded in ledger and quarantine.
        message: one plain sentence for the archivist, with the remedy.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
