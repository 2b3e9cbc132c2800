"""Write the decision that stands into a result's sidecar, over nothing that somebody has edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from pipeline import storage
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.ledger.tables import Decision
from pipeline.review.refusals import Occupied
from pipeline.stages.writing_marker import marker_uri

# What a sidecar calls the files that go with a derivative.
PARTS = {"derivative": "output", "access copy": "access", "content credentials": "credentials"}

DECIDING = b"{}"
"""Content of the marker that says that a decision is on its way to a result's files."""


def read_unchanged(entry: QueueEntry, output: str) -> dict[str, Any]:
    """Return a sidecar as the program wrote it.

    Raises:
        Occupied: somebody has changed it since.
        FileNotFoundError: it is gone.
    """
    data = storage.read_bytes(entry.outcome.sidecar_uri)
    known = hashlib.sha256(data).hexdigest() == entry.outcome.sidecar_sha256
    # Of a process that was killed while it wrote, the ledger knows nothing.
    if not known and not storage.exists(marker_uri(output, entry.stem)):
        raise Occupied("sidecar_changed", file=f"sidecars/{entry.stem}.json")
    document: dict[str, Any] = json.loads(data)
    return document


def with_decision(
    document: dict[str, Any], state: ReviewState, decision: Decision | None, moved: Mapping[str, str], output: str
) -> tuple[bytes, str]:
    """Return a sidecar with the decision that stands, and its sha256.

    Args:
        moved: where files are now that did not stay, by role, see `withdraw.Move`.
        output: URI of the collection's results.
    """
    document["review"].pop("decision", None)
    if decision is not None and state in (ReviewState.ACCEPTED, ReviewState.REJECTED):
        document["review"]["decision"] = {
            "verdict": "accept" if state is ReviewState.ACCEPTED else "reject",
            "by": decision.by,
            "name": decision.by_name,
            "at": decision.at.astimezone(UTC).isoformat(),
            "note": decision.note,
        }
    for role, uri in moved.items():
        if described := document.get(PARTS[role]):
            described |= {"uri": uri, "path": uri.removeprefix(output).lstrip("/")}
    data = json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
    return data, hashlib.sha256(data).hexdigest()
