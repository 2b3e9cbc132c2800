"""Write and read outcomes: exactly one per scan and recipe."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.ledger.outcome import Outcome
from pipeline.ledger.outcome_files import DESCRIBED, FILES
from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import OutcomeRow, Scan


def record(
    session: Session, *, scan_id: int, recipe_digest: str, batch_id: int, outcome: Outcome, **values: Any
) -> None:
    """Write the outcome of a scan, recorded now by default; an existing one is replaced (its events are kept)."""
    row = {"batch_id": batch_id, "outcome": str(outcome), "recorded": now(), **values}
    for column in OutcomeRow.__table__.columns:
        # A replaced outcome must not keep the derivative of the earlier one.
        if column.name not in row and column.default is not None and column.name != "id":
            default: Any = column.default
            row[column.name] = {} if default.is_callable else default.arg
    statement = insert(session, OutcomeRow).values(scan_id=scan_id, recipe_digest=recipe_digest, **row)
    session.execute(statement.on_conflict_do_update(index_elements=["scan_id", "recipe_digest"], set_=row))


def of_scans(session: Session, recipe_digest: str, scan_ids: Sequence[int]) -> dict[int, OutcomeRow]:
    """Return the outcomes under a recipe by scan id; scans without an outcome are left out."""
    found: dict[int, OutcomeRow] = {}
    for page in pages(scan_ids):
        for outcome in session.scalars(
            select(OutcomeRow).where(OutcomeRow.recipe_digest == recipe_digest, OutcomeRow.scan_id.in_(page))
        ):
            found[outcome.scan_id] = outcome
    return found


def superseded(session: Session, collection: str, path: str, current: Collection[str]) -> dict[str, str]:
    """Return earlier files of a path that were replaced, sidecars apart: URI and sha256 as last published.

    Args:
        current: URIs of its present ones.
    """
    found: dict[str, str] = {}
    for outcome in session.scalars(
        select(OutcomeRow)
        .join(Scan, Scan.id == OutcomeRow.scan_id)
        .where(Scan.collection == collection, Scan.path == path)
        .order_by(OutcomeRow.recorded)
    ):
        found |= {getattr(outcome, uri.key): getattr(outcome, sha256.key) for _, uri, sha256 in DESCRIBED}
    return {uri: sha256 for uri, sha256 in found.items() if uri and uri not in current}


def published_digests(session: Session, collection: str, path: str) -> set[str]:
    """Return the sha256 of every file that was published for a path, as last recorded."""
    found = session.execute(
        select(*(sha256 for _, _, sha256 in FILES))
        .join(Scan, Scan.id == OutcomeRow.scan_id)
        .where(Scan.collection == collection, Scan.path == path)
    )
    return {sha256 for row in found for sha256 in row if sha256}
