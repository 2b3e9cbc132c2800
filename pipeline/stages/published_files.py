"""The files published for one scan, as the manifest and the ledger record them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pipeline.ledger import Outcome
from pipeline.ledger.tables import OutcomeRow
from pipeline.provenance.sidecar import AccessCopy, CredentialsFile, Signed
from pipeline.scans.carried import Carried
from pipeline.stages.metadata_list import in_short
from pipeline.stages.scan_row import Published, ScanRow, Stopped

# Not columns of the ledger.
UNRECORDED = {"sidecar", "carried", "access", "credentials", "master_credentials"}


@dataclass
class PublishedFiles:
    """The outcome of a scan and its files; what does not exist is empty.

    `sidecar` is the content of the sidecar: attempts of a task write different ones, with their number and time.
    `carried` is what became of the master's metadata.
    """

    outcome: Outcome
    restored_uri: str = ""
    restored_sha256: str = ""
    restored_bytes: int = 0
    mask_uri: str = ""
    mask_sha256: str = ""
    suggested_uri: str = ""
    suggested_sha256: str = ""
    sidecar_uri: str = ""
    sidecar_sha256: str = ""
    access_uri: str = ""
    access_sha256: str = ""
    credentials_uri: str = ""
    credentials_sha256: str = ""
    sidecar: bytes = b""
    access: AccessCopy | None = None
    credentials: Signed | None = None
    master_credentials: CredentialsFile | None = None
    carried: Carried | None = None

    def columns(self) -> Published:
        """Return the manifest's columns."""
        return Published(
            outcome=str(self.outcome),
            restored_uri=self.restored_uri,
            restored_sha256=self.restored_sha256,
            restored_bytes=self.restored_bytes or None,
            mask_out_uri=self.mask_uri,
            suggested_out_uri=self.suggested_uri,
            sidecar_uri=self.sidecar_uri,
            metadata=self.metadata,
        )

    @property
    def metadata(self) -> str:
        """What became of the master's metadata, in short; empty without a derivative."""
        return in_short(self.carried) if self.carried else ""

    def recorded(self) -> dict[str, Any]:
        """Return the ledger's columns."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in UNRECORDED}


def copy_recorded(row: ScanRow, outcome: OutcomeRow) -> None:
    """Set the columns of a scan that an earlier attempt of the task has published."""
    row.update(Stopped(row.decision, outcome.reason, outcome.message))
    row.update(
        Published(
            outcome=outcome.outcome,
            restored_uri=outcome.restored_uri,
            restored_sha256=outcome.restored_sha256,
            restored_bytes=outcome.restored_bytes or None,
            mask_out_uri=outcome.mask_uri,
            suggested_out_uri=outcome.suggested_uri,
            sidecar_uri=outcome.sidecar_uri,
            metadata=outcome.figures.get("metadata", ""),
        )
    )
