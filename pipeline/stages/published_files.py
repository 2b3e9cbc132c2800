"""The files published for one scan, as the manifest and the ledger record them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.ledger import Outcome
from pipeline.ledger.tables import OutcomeRow
from pipeline.stages.scan_row import Published, ScanRow, Stopped


@dataclass
class PublishedFiles:
    """The outcome of a scan and its files; what does not exist is empty.

    `sidecar` is the content of the sidecar: attempts of a task write different ones, with their number and time.
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
    sidecar: bytes = b""

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
        )

    def recorded(self) -> dict[str, Any]:
        """Return the ledger's columns."""
        found = asdict(self)
        del found["sidecar"]
        return found


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
        )
    )
