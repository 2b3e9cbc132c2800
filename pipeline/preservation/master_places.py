"""Say where a master may lie: archives move inboxes, and keep the paths below them."""

from __future__ import annotations

import json

from pipeline import storage
from pipeline.ledger.current_files import ScanFiles

MASTER = "master"


def master_uris(files: ScanFiles, inboxes: list[str], recorded: str = "") -> list[str]:
    """Return where a master may lie, the likeliest place first.

    Args:
        inboxes: of the collection, the latest first: one that was moved keeps its paths.
        recorded: URI in the sidecar; for names that are not valid text the only one.
    """
    places = [storage.join(inbox, files.scan.path) for inbox in (files.inbox, *inboxes)]
    return list(dict.fromkeys([*places, *filter(None, (recorded,))]))


def recorded_uri(files: ScanFiles) -> str:
    """Return the master's URI as its sidecar has it, empty without one."""
    try:
        return str(json.loads(storage.read_bytes(files.outcome.sidecar_uri))["master"]["uri"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
