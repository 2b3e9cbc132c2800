"""Keep calculated checksums of files, for as long as the file's fingerprint is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import Checksum

# Only checksums of deliveries that are still incomplete are needed again; received files are in `scans`.
KEPT = timedelta(days=30)


def known(session: Session, algorithm: str, fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return the digests (hex) of those files, by URI, that have not changed since they were calculated.

    Args:
        fingerprints: by URI; an empty fingerprint matches nothing.
    """
    keys = {_key(algorithm, uri): uri for uri, fingerprint in fingerprints.items() if fingerprint}
    found: dict[str, str] = {}
    for page in pages(list(keys)):
        for row in session.scalars(select(Checksum).where(Checksum.place.in_(page))):
            if row.fingerprint == fingerprints[keys[row.place]]:
                found[keys[row.place]] = row.digest
    return found


def record(session: Session, algorithm: str, calculated: Mapping[str, tuple[str, str]]) -> None:
    """Write calculated digests.

    Args:
        calculated: fingerprint and hex digest by URI; those with an empty fingerprint are not kept.
    """
    rows = [
        {"place": _key(algorithm, uri), "fingerprint": fingerprint, "digest": digest, "at": now()}
        for uri, (fingerprint, digest) in calculated.items()
        if fingerprint
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
    """Delete checksums that were calculated long ago."""
    session.execute(delete(Checksum).where(Checksum.at < now() - KEPT))


def _key(algorithm: str, uri: str) -> str:
    return hashlib.sha256(f"{algorithm} {uri}".encode()).hexdigest()
