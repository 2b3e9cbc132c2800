"""The errors that users and operators see: each message names the thing and the remedy."""

from __future__ import annotations

from enum import StrEnum


class RestorationError(Exception):
    """Base of every error that this library raises on purpose."""


class ConfigurationError(RestorationError):
    """A setting, recipe or collections file is wrong; trying again cannot help."""


class WeightsError(RestorationError):
    """A weights file is missing, corrupt or foreign; raised before any work starts."""


class StoreUnavailable(RestorationError):
    """Storage, ledger or mail did not answer; the same call may succeed later."""


class UnclearDelivery(RestorationError):
    """A message was handed over and nobody can know whether it arrives; sending it again could double it."""


class OutputNotWritable(StoreUnavailable):
    """The output place refuses writes (rights, full disk); mend it and run again."""


class Reason(StrEnum):
    """Why a scan cannot be restored; recorded in the ledger and beside the quarantined copy."""

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
    DECODER_CRASHED = "decoder-crashed"
    DECODER_TIMEOUT = "decoder-timeout"
    DECODER_MEMORY = "decoder-memory"


class UnreadableScan(RestorationError):
    """One scan cannot be read whole; it goes to quarantine and its neighbours go on.

    Args:
        reason: the code recorded for audit.
        message: one plain sentence for the archivist, with the remedy.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[UnreadableScan], tuple[Reason, str]]:
        # Crosses a process boundary when a decoder runs isolated.
        return type(self), (self.reason, self.message)
