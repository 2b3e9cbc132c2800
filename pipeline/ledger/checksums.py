"""Checksums of files that were calculated before, for as long as the file's fingerprint is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import Checksum

# Only a delivery that is still waited for is asked about again; what was taken is in `scans`.
KEPT = timedelta(days=30)


def known(session: Session, algorithm: str, fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return the digests (hex) of those files, by URI, that have not changed since they were calculated.

    Args:
        fingerprints: by URI; an empty one matches nothing.
    """
    places = {_place(algorithm, uri): uri for uri, mark in fingerprints.items() if mark}
    found: dict[str, str] = {}
    for page in pages(list(places)):
        for row in session.scalars(select(Checksum).where(Checksum.place.in_(page))):
            if row.fingerprint == fingerprints[places[row.place]]:
                found[places[row.place]] = row.digest
    return found


def record(session: Session, algorithm: str, calculated: Mapping[str, tuple[str, str]]) -> None:
    """Keep digests: fingerprint and hex digest by URI."""
    rows = [
        {"place": _place(algorithm, uri), "fingerprint": mark, "digest": digest, "at": now()}
        for uri, (mark, digest) in calculated.items()
        if mark
    ]
    for page in pages(rows):
        statement = insert(session, Checksum).values(list(page))
        new = statement.excluded
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["place"], set_={"fingerprint": new.fingerprint, "digest": new.digest, "at": new.at}
            )
        )


def prune(session: Session) -> None:
    """Forget what was calculated long ago."""
    session.execute(delete(Checksum).where(Checksum.at < now() - KEPT))


def _place(algorithm: str, uri: str) -> str:
    return hashlib.sha256(f"{algorithm} {uri}".encode()).hexdigest()
