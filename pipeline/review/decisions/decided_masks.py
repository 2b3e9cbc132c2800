"""Keep every mask that people decided, and have the next run find the one that stands.

`decided/<path>.mask.png` is what runs fill. Every version lies in `decided/<path>.masks/`, named by its sha256, and is
never changed or deleted.
"""

from __future__ import annotations

import hashlib

from pipeline import storage
from pipeline.inbox.listing import DECIDED, DECIDED_MASK
from pipeline.ledger.publications import shortened


def keep_version(output: str, path: str, data: bytes) -> str:
    """Write a mask as a version of its own, and return its URI; the same bytes are the same version.

    Args:
        output: URI of the collection's results.
        path: of the scan, relative to the inbox.
    """
    name = hashlib.sha256(data).hexdigest()[:16]
    uri = storage.join(output, DECIDED, f"{shortened(path)}.masks", f"{name}.png")
    storage.write_bytes(uri, data)
    return uri


def make_current(output: str, path: str, version: str) -> None:
    """Have the next run fill a version of the mask; without one, what the machine finds.

    Whatever lies there and is no version yet becomes one first, so that no mask is ever lost.

    Args:
        version: URI of it; empty for none.
    """
    current = storage.join(output, DECIDED, shortened(path) + DECIDED_MASK)
    wanted = storage.read_bytes(version) if version else None
    try:
        found = storage.read_bytes(current)
    except FileNotFoundError:
        found = None
    if found == wanted:
        return
    if found is not None:
        keep_version(output, path, found)
    if wanted is not None:
        storage.write_bytes(current, wanted)
    else:
        storage.delete(current)
