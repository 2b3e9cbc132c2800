"""Write the last event of a collection's ledger beside each report, and read what reports bear witness to."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from pipeline import storage
from pipeline.ledger.chain import Head
from pipeline.ledger.verify import Witness

LEDGER_HEAD = "ledger-head.json"
SHA256 = re.compile("[0-9a-f]{64}")
MEANING = (
    "The last event of this collection in the ledger before the report, as `number:sha256` also in the report and in"
    " the mail. `archive-restoration trace --verify` compares it with the ledger."
)


def witness_bytes(head: Head, batch: str) -> bytes:
    """Return the file that bears witness to a head, as JSON."""
    document = {
        "meaning": MEANING,
        "collection": head.collection,
        "batch": batch,
        "position": head.position,
        "sha256": head.sha256,
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


@dataclass
class Witnesses:
    """What the reports in an output bear witness to.

    Attributes:
        unreadable: URIs of files that are not as the program wrote them.
    """

    found: list[Witness] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_witnesses(output: str, not_of: Collection[str] = ()) -> Witnesses:
    """Return what the reports in an output bear witness to.

    Args:
        not_of: batches of other collections in the same output.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    root = storage.join(output, "reports")
    witnesses = Witnesses()
    try:
        there = [entry.path for entry in storage.list_files(root) if entry.path.endswith(f"/{LEDGER_HEAD}")]
    except (FileNotFoundError, NotADirectoryError):
        return witnesses
    for path in sorted(there):
        uri = storage.join(root, path)
        try:
            document = json.loads(storage.read_bytes(uri))
            batch, position, sha256 = document["batch"], int(document["position"]), str(document["sha256"])
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError):
            witnesses.unreadable.append(uri)
            continue
        if not SHA256.fullmatch(sha256) or position < 0:
            witnesses.unreadable.append(uri)
        elif position and batch not in not_of:
            witnesses.found.append(Witness(position, sha256, uri))
    return witnesses
