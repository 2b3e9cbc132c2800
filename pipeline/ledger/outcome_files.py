"""Name the files that an outcome may have: what each is, and the columns with its URI and sha256."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy.orm import InstrumentedAttribute

from pipeline.ledger.tables import OutcomeRow


class FileColumns(NamedTuple):
    """One kind of file.

    Attributes:
        role: what it is called in PREMIS, traces and messages.
    """

    role: str
    uri: InstrumentedAttribute[str]
    sha256: InstrumentedAttribute[str]


SIDECAR = FileColumns("sidecar", OutcomeRow.sidecar_uri, OutcomeRow.sidecar_sha256)
#: Those whose content a sidecar describes.
DESCRIBED = (
    FileColumns("derivative", OutcomeRow.restored_uri, OutcomeRow.restored_sha256),
    FileColumns("mask", OutcomeRow.mask_uri, OutcomeRow.mask_sha256),
    FileColumns("suggestions", OutcomeRow.suggested_uri, OutcomeRow.suggested_sha256),
    FileColumns("access copy", OutcomeRow.access_uri, OutcomeRow.access_sha256),
    FileColumns("content credentials", OutcomeRow.credentials_uri, OutcomeRow.credentials_sha256),
)
FILES = (*DESCRIBED, SIDECAR)


def files_of(outcome: OutcomeRow) -> Iterator[tuple[str, str, str]]:
    """Yield role, URI and sha256 of every file that an outcome has."""
    for role, uri, sha256 in FILES:
        if found := getattr(outcome, uri.key):
            yield role, found, getattr(outcome, sha256.key)
