"""Write bag-info.txt: what a collection's settings say of every bag, and what this one holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from pipeline import __version__
from pipeline.escape import one_line
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch

DESCRIPTION = "External-Description"


def last_settings(ledger: Ledger, collection: str) -> Mapping[str, Any]:
    """Return a collection's settings as its latest batch began; none of an older batch."""
    latest = select(Batch.settings).where(Batch.collection == collection).order_by(Batch.id.desc()).limit(1)
    with ledger.read() as session:
        return session.scalars(latest).first() or {}


def bag_info(settings: Mapping[str, Any], collection: str, batch: str, size: int, files: int) -> str:
    """Return the text of bag-info.txt.

    Args:
        settings: of the collection, see `last_settings`.
        size, files: of the payload.
    """
    given: dict[str, str] = dict(settings.get("bag_info") or {})
    lines = {
        **given,
        DESCRIPTION: given.get(DESCRIPTION) or settings.get("title") or collection,
        "External-Identifier": f"{collection}/{batch}" if batch else collection,
        "Bagging-Date": f"{datetime.now(UTC):%Y-%m-%d}",
        "Payload-Oxum": f"{size}.{files}",
        "Bag-Software-Agent": f"archive-restoration {__version__}",
    }
    return "".join(f"{label}: {one_line(value, 2000)}\n" for label, value in lines.items())
